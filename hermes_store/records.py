"""The rows that come back, and the messages that go in: plain dicts with these keys.

Times are Unix epoch seconds (float, UTC), costs US dollars, token counts whole tokens.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict

__all__ = [
    "Backup",
    "Content",
    "ContextMessage",
    "ConversationMessage",
    "ImportResult",
    "LeaseRecord",
    "MessageRecord",
    "NewMessage",
    "SearchHit",
    "SearchPage",
    "SessionExport",
    "SessionFacets",
    "SessionListing",
    "SessionMatch",
    "SessionProperties",
    "SessionRecord",
    "SourceUsage",
    "UsageBy",
    "UsageRecord",
    "UsageSum",
]

Content = str | list[Any] | dict[str, Any] | None
"""Text, or the parts of a multimodal message as the caller gave them."""


class _SessionFields(TypedDict):
    id: str
    source: str
    user_id: str | None
    model: str | None
    model_config: Any
    parent_session_id: str | None
    started_at: float
    ended_at: float | None
    end_reason: str | None
    message_count: int
    tool_call_count: int
    input_tokens: int
    output_tokens: int
    title: str | None
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    billing_provider: str | None
    billing_base_url: str | None
    billing_mode: str | None
    estimated_cost_usd: float | None
    actual_cost_usd: float | None
    cost_status: str | None
    cost_source: str | None
    pricing_version: str | None
    last_active: float
    link: Literal["compression", "branch", "delegate", "reset"] | None
    """What the parent is to it; None when that is not known."""
    archived: float | None
    """When it was archived; None: it is not."""
    pinned: bool
    cwd: str | None
    key: str | None
    api_call_count: int
    extra: dict[str, Any] | None
    """What the session holds besides the columns."""


class SessionRecord(_SessionFields):
    """A session, whole."""

    system_prompt: str | None


class SessionProperties(TypedDict, total=False):
    """What `update_session` stores of a session; None takes a value away."""

    source: str
    user_id: str | None
    model: str | None
    model_config: dict[str, Any] | None
    system_prompt: str | None
    cwd: str | None
    key: str | None
    api_call_count: int | None
    """None is 0."""
    extra: dict[str, Any] | None
    """Replaces the whole stored one."""
    billing_provider: str | None
    billing_base_url: str | None
    billing_mode: str | None


class SessionListing(_SessionFields):
    """A session in a list: without its system prompt unless asked, with a preview."""

    system_prompt: NotRequired[str | None]
    preview: str
    """The first 60 characters of the first user message, in one line."""


class SessionFacets(TypedDict):
    """What the last active of some sessions have: each value, and how many sessions have it."""

    counted: int
    """Among how many sessions; the rest of the store was not read."""
    source: dict[str, int]
    """The most frequent first, as model and user_id; sessions without a value are left out."""
    model: dict[str, int]
    user_id: dict[str, int]
    month: dict[str, int]
    """The months of the last activity, like 2026-03, the newest first."""


class SessionMatch(TypedDict):
    """A session that a person may mean: what tells it from others."""

    id: str
    title: str | None
    source: str
    last_active: float


class MessageRecord(TypedDict):
    """A message, whole; JSON columns are decoded."""

    id: int
    session_id: str
    role: str
    content: Content
    tool_call_id: str | None
    tool_calls: Any
    tool_name: str | None
    timestamp: float
    token_count: int | None
    finish_reason: str | None
    reasoning: str | None
    reasoning_details: Any
    codex_reasoning_items: Any
    name: str | None
    state: Literal["compacted", "rewound"] | None
    """None: live."""
    external_id: str | None
    extra: dict[str, Any] | None
    """What the message holds besides the columns."""


class ConversationMessage(TypedDict):
    """A message as a provider's API takes it. Besides role and content, keys have stored values.

    The keys of `extra` stand beside these. The strict form has no id, timestamp, tool_name and
    finish_reason.
    """

    role: str
    content: Content
    id: NotRequired[int]
    timestamp: NotRequired[float]
    name: NotRequired[str]
    finish_reason: NotRequired[str]
    tool_call_id: NotRequired[str]
    tool_calls: NotRequired[Any]
    tool_name: NotRequired[str]
    reasoning: NotRequired[str]
    reasoning_details: NotRequired[Any]
    codex_reasoning_items: NotRequired[Any]


class NewMessage(TypedDict):
    """A message for `append_messages`: the keywords of `append_message` as keys.

    Other keys are taken too, and kept in `extra`.
    """

    role: str
    content: NotRequired[Content]
    tool_name: NotRequired[str | None]
    tool_calls: NotRequired[Any]
    tool_call_id: NotRequired[str | None]
    token_count: NotRequired[int | None]
    finish_reason: NotRequired[str | None]
    reasoning: NotRequired[str | None]
    reasoning_details: NotRequired[Any]
    codex_reasoning_items: NotRequired[Any]
    timestamp: NotRequired[float | None]
    name: NotRequired[str | None]
    external_id: NotRequired[str | None]
    extra: NotRequired[dict[str, Any] | None]


class _UsageSums(TypedDict):
    calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    estimated_cost_usd: float | None
    """None: no estimate is known."""
    actual_cost_usd: float | None
    """None: no actual cost is known."""


class UsageRecord(_UsageSums):
    """What one model and one task of a session used in one hour. A text that is not known is ''."""

    hour: int
    """Hours since the Unix epoch, of the time of the record."""
    task: str
    """Which work of the agent it was; '' is the conversation itself."""
    model: str
    provider: str
    base_url: str
    mode: str
    first_at: float
    last_at: float


UsageBy = Literal[
    "day", "week", "month", "model", "provider", "source", "user", "task", "tool", "hour"
]
"""What the records of a group have in common."""


class UsageSum(_UsageSums):
    """What one group of records used altogether: a day, a model, a user and so on."""

    group: str
    """The day, the week, the month, the hour of the day or the text that the records share."""
    sessions: int
    """How many sessions have such records."""


class SessionExport(SessionRecord):
    """A session with its messages: what export writes and import reads."""

    messages: list[MessageRecord]
    usage: NotRequired[list[UsageRecord]]
    """Its records of usage, when it has any."""


class ContextMessage(TypedDict):
    """A neighbour of a search hit."""

    role: str
    content: str
    """At most 200 characters of its text."""


class SearchHit(TypedDict):
    """A message that `search_messages` found."""

    id: int
    session_id: str
    role: str
    timestamp: float
    tool_name: str | None
    snippet: str
    state: Literal["compacted", "rewound"] | None
    """Of a live message None."""
    matched_in: Literal["content", "tool_name", "tool_calls"]
    """Where the snippet was found."""
    source: str
    model: str | None
    title: str | None
    session_started: float
    context: list[ContextMessage]
    """The message before it, itself, and the one after it, of the same session."""


class SearchPage(TypedDict):
    """What `search_page` found, and how far it looked."""

    hits: list[SearchHit]
    next_id: int | None
    """The first message that was not looked at: `from_id` of the page that goes on there."""
    next_at: float | None
    """Its time, in Unix seconds."""


class SourceUsage(TypedDict):
    """What the sessions of one source used altogether."""

    source: str
    sessions: int
    message_count: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost_usd: float
    """Of a session without an actual cost the estimated one counts."""


class LeaseRecord(TypedDict):
    """A lease that is held now."""

    name: str
    holder: str
    acquired_at: float
    """Since when the holder has had it without a break."""
    expires_at: float
    seconds_left: float
    """How long it is still held, unless it is refreshed or released."""


@dataclass
class ImportResult:
    """What `import_sessions` did."""

    sessions: int = 0
    """Sessions stored."""
    messages: int = 0
    """Messages stored."""
    skipped: list[str] = field(default_factory=list)
    """Ids that were there already; those sessions were left as they are."""
    retitled: dict[str, str] = field(default_factory=dict)
    """Session id → the title it got: its own was too long, or another session has it."""
    too_long_titles: dict[str, int] = field(default_factory=dict)
    """Session id → characters of the title it came with, which was cut."""
    orphaned: list[str] = field(default_factory=list)
    """Ids stored without their parent, because the parent is in neither place."""
    unfinished: dict[str, int] = field(default_factory=dict)
    """Session id → messages stored of a long session, when the import was interrupted in it."""
    ignored_fields: list[str] = field(default_factory=list)
    """Names of fields that this version does not know and did not store."""
    unknown_states: list[str] = field(default_factory=list)
    """States of messages that this version does not know, and stored as they are."""


class Backup(NamedTuple):
    """A backup that was made."""

    path: Path
    source: str
    """The path or the URL of the store, without a password."""
    made_at: float
    """Epoch seconds."""
    revision: str
    sessions: int
    messages: int
    bytes: int
    remarks: dict[str, int]
    """What a server's rows left out or had made to fit, and how often; as `copy` counts it."""
    deleted: list[Path]
    """Older backups that `keep` deleted."""
