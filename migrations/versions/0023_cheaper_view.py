r"""The view that gives the texts of messages to SQLite's search index takes less time for most.

Why: each message that is stored is read through the view once. Of 28 µs of SQLite's that a message
of 700 characters takes in a list, the view took 4.5. Three quarters of its time was of two columns:
the characters of a content were counted twice, to see that it is short and that it is ASCII; bytes
need no counting. Calls of tools went through steps for any number of calls in any letters; nearly
all are one short call in ASCII. What the view gives is the same, so the index stays as it is. But
calls of another tool's such as `[1],[2]` were an error, in each INSERT and in a new index: they are
the calls `[1]` and `[2]`.
"""

# ruff: noqa: S608 - the view is put together from constants

import importlib.util
from pathlib import Path

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

AS_STORED = """(m.folded IS NULL OR m.folded GLOB '{"forms": "*"}')"""
CHARACTERS = f"""\
    WHEN {AS_STORED}
        AND m.content_format IS NULL AND length(m.content) <= 1000000
        AND m.content NOT GLOB '[[{{"]*' AND (
"""
BYTES = f"""\
    WHEN {AS_STORED} AND m.content_format IS NULL
        AND m.content NOT GLOB '[[{{"]*' AND length(CAST(m.content AS BLOB)) <= 1000000 AND (
"""
ANY_CALLS = """\
    CASE WHEN m.tool_calls IS NOT NULL THEN (WITH
"""
ONE_CALL = rf"""    CASE WHEN m.tool_calls IS NULL THEN NULL
    WHEN {AS_STORED}
        AND typeof(m.tool_calls) = 'text' AND m.tool_calls GLOB '[[]{{*'
        AND length(CAST(m.tool_calls AS BLOB)) <= 1900
        AND length(m.tool_calls) = length(CAST(m.tool_calls AS BLOB))
        AND NOT instr(m.tool_calls, '\u') AND json_valid(m.tool_calls)
        AND json_array_length(m.tool_calls) = 1 THEN
        (WITH part(name, json) AS (
                SELECT
                    coalesce(json_extract(m.tool_calls, '$[0].function.name'),
                        json_extract(m.tool_calls, '$[0].name')),
                    coalesce(json_extract(m.tool_calls, '$[0].function.arguments'),
                        json_extract(m.tool_calls, '$[0].arguments'),
                        json_extract(m.tool_calls, '$[0].input'),
                        json_extract(m.tool_calls, '$[0]'))
                LIMIT 1 OFFSET 0
            )
            SELECT coalesce(name || ' ', '') || CASE
                WHEN NOT json_valid(json) THEN json
                ELSE json_extract('["' || replace(replace(replace(replace(
                    replace(
                    replace(replace(json, '\\', '\u005c'), '\u0000', ' '),
                    '\"', '\u0022'),
                    '"', ''), char(9), ' '), char(10), ' '), char(13), ' ') || '"]', '$[0]')
                END
            FROM part)
    ELSE (WITH
"""
LIST = """\
                    SELECT CASE WHEN json GLOB '[[]*' THEN json ELSE '[' || json || ']' END
                        AS list
"""
VALID_LIST = """\
                    SELECT CASE WHEN json GLOB '[[]*' AND json_valid(json) THEN json
                        ELSE '[' || json || ']' END AS list
"""
CONDITIONS = {CHARACTERS: BYTES, ANY_CALLS: ONE_CALL, LIST: VALID_LIST}
"""What the view asked until here, and what it asks."""


def of_0022():
    """The revision that made the view as it was until here."""
    path = Path(__file__).with_name("0022_text_with_nul.py")
    spec = importlib.util.spec_from_file_location("revision_0022", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def upgrade() -> None:
    before = of_0022()
    view = before.messages_text()
    for old, new in CONDITIONS.items():
        view = view.replace(old, new)
    before.replace(view)


def downgrade() -> None:
    before = of_0022()
    before.replace(before.messages_text())
