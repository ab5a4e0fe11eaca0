"""The columns of each table: its name, what is stored, what it is to callers, and what else is so.

Follows from the models. Written by 'make schema'.
"""

COLUMNS = {
    "leases": """\
name id text key
holder text text
acquired_at number number
expires_at number number
""",
    "meta": """\
key id text key
value text json null
""",
    "sessions": """\
id id text key
source text text
user_id text text null
model text text null
model_config text json null
system_prompt text text null
parent_session_id id text null
started_at number number
ended_at number number null
end_reason text text null
message_count whole whole null
tool_call_count whole whole null
input_tokens whole whole null
output_tokens whole whole null
title text text null
cache_read_tokens whole whole null
cache_write_tokens whole whole null
reasoning_tokens whole whole null
billing_provider text text null
billing_base_url text text null
billing_mode text text null
estimated_cost_usd number number null
actual_cost_usd number number null
cost_status text text null
cost_source text text null
pricing_version text text null
last_active number number null
link text text null
archived number number null
pinned whole flag null
cwd text text null
key text text null
api_call_count whole whole null
extra text json null
""",
    "messages": """\
id whole whole key
session_id id text
role text text
content text content null
tool_call_id text text null
tool_calls text json null
tool_name text text null
timestamp number number
token_count whole whole null
finish_reason text text null
reasoning text text null
reasoning_details text json null
codex_reasoning_items text json null
content_format text text null hidden
folded text text null hidden
name text text null
state text text null
external_id text text null
extra text json null
may_wait whole whole null hidden
""",
    "usage": """\
session_id id text key
hour whole whole key
task id text key
model id text key
provider id text key
base_url id text key
mode id text key
calls whole whole
input_tokens whole whole
output_tokens whole whole
cache_read_tokens whole whole
cache_write_tokens whole whole
reasoning_tokens whole whole
estimated_cost_usd number number null
actual_cost_usd number number null
first_at number number
last_at number number
""",
}
