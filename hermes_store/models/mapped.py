"""The tables: what a row of each means.

Table, column and index names are a public format that other tools read. Times are Unix
epoch seconds (float, UTC); costs are US dollars; token counts are whole tokens.
"""

import reprlib
from typing import Annotated, Any, cast

from sqlalchemy import ForeignKey, Index, MetaData, Table, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from hermes_store import values
from hermes_store.models.types import ID, NUMBER, WHOLE, Content, Json, Words

SessionId = Annotated[str, mapped_column(ID, primary_key=True)]
Epoch = Annotated[float, mapped_column(NUMBER)]
OptionalEpoch = Annotated[float | None, mapped_column(NUMBER)]
Dollars = Annotated[float | None, mapped_column(NUMBER)]
Counter = Annotated[int | None, mapped_column(WHOLE, server_default=text("0"))]
RequiredText = Annotated[str, mapped_column(Words)]
OptionalText = Annotated[str | None, mapped_column(Words)]
KeyText = Annotated[str, mapped_column(ID, primary_key=True, server_default=text("''"))]
Sum = Annotated[int, mapped_column(WHOLE, server_default=text("0"))]
AsJson = Annotated[Any, mapped_column(Json, nullable=True)]
"""Stored as JSON text; a Python value here and in every record of this package."""


HIDDEN = {"hidden": True}
"""`info` of a column that the package keeps for itself: callers neither give nor get it."""
FLAG = {"flag": True}
"""`info` of a column that is 0 or 1, and a bool to callers."""


def _start(context: Any) -> Any:
    return _beside(context, "last_active", "started_at")


def _content_format(context: Any) -> str | None:
    return values.content_format(_beside(context, "content_format", "content"))


def _beside(context: Any, name: str, other: str) -> Any:
    """The value of a column in the row that `name` is filled in; rows of one VALUES have places."""
    place = context.current_column.key.removeprefix(name)
    given = context.current_parameters
    return given.get(f"{other}{place or '_m0'}", given.get(f"{other}{place}"))


class Base(DeclarativeBase):
    """Holds the metadata that the revisions are compared with."""

    metadata = MetaData(
        naming_convention={
            "ix": "idx_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Session(Base):
    """One run of an agent: from its start to its end, compression or hand-over.

    A conversation that outlives its context window continues in a child session, whose
    `parent_session_id` names the one before it. Deleting a parent leaves its children, with
    no parent. `end_reason` keeps the first reason until the session is reopened.
    """

    __tablename__ = "sessions"

    id: Mapped[SessionId]
    source: Mapped[RequiredText]
    user_id: Mapped[OptionalText]
    model: Mapped[OptionalText]
    model_config: Mapped[AsJson]
    system_prompt: Mapped[OptionalText]
    parent_session_id: Mapped[str | None] = mapped_column(ID, ForeignKey("sessions.id"))
    started_at: Mapped[Epoch] = mapped_column(default=values.now)
    ended_at: Mapped[OptionalEpoch]
    end_reason: Mapped[OptionalText]
    message_count: Mapped[Counter]
    tool_call_count: Mapped[Counter]
    input_tokens: Mapped[Counter]
    output_tokens: Mapped[Counter]
    title: Mapped[OptionalText]
    cache_read_tokens: Mapped[Counter]
    cache_write_tokens: Mapped[Counter]
    reasoning_tokens: Mapped[Counter]
    billing_provider: Mapped[OptionalText]
    billing_base_url: Mapped[OptionalText]
    billing_mode: Mapped[OptionalText]
    estimated_cost_usd: Mapped[Dollars]
    actual_cost_usd: Mapped[Dollars]
    cost_status: Mapped[OptionalText]
    cost_source: Mapped[OptionalText]
    pricing_version: Mapped[OptionalText]
    last_active: Mapped[OptionalEpoch] = mapped_column(default=_start)
    """Time of the newest message, or of the start while there is none."""
    link: Mapped[OptionalText]
    """What the parent is to it: 'compression' (it goes on here), 'branch', 'delegate', 'reset'."""
    archived: Mapped[OptionalEpoch]
    """When it was archived; lists leave it out."""
    pinned: Mapped[Counter] = mapped_column(info=FLAG)
    """1: pinned by its owner; a bool in every record of this package."""
    cwd: Mapped[OptionalText]
    """The folder that the agent works in."""
    key: Mapped[OptionalText]
    """What a gateway finds "the session of this chat" by."""
    api_call_count: Mapped[Counter]
    extra: Mapped[AsJson]
    """What a session holds besides the columns: an object; NULL for most sessions."""

    messages: Mapped[list["Message"]] = relationship(
        back_populates="session", lazy="raise", cascade="all, delete-orphan", passive_deletes=True
    )
    parent: Mapped["Session | None"] = relationship(
        back_populates="children",
        remote_side="Session.id",  # lazy="raise" would refuse to delete a session with a parent
    )
    children: Mapped[list["Session"]] = relationship(
        back_populates="parent", lazy="raise", passive_deletes=True
    )

    def __repr__(self) -> str:
        return _shown(self, "id", "source", "title", "message_count")

    __table_args__ = (
        # list, search and count filtered by source
        Index("idx_sessions_source", "source"),
        # children of a session: delete, prune, lineage
        Index("idx_sessions_parent", "parent_session_id"),
        # the part that continues a conversation: lists look for it at every session
        Index(
            "idx_sessions_continued",
            "parent_session_id",
            "started_at",
            "id",
            sqlite_where=text("link = 'compression'"),
            info={"condition": "both databases'"},
        ),
        # newest first; with the id a page need not be sorted
        Index("idx_sessions_started", text("started_at DESC"), text("id DESC")),
        # look-up by title; a title names one session
        Index(
            "idx_sessions_title_unique",
            "title",
            unique=True,
            sqlite_where=text("title IS NOT NULL"),
            info={"condition": "SQLite's"},  # NULLs are distinct anyway
        ),
        # last used first, at the cost of the page
        Index("idx_sessions_last_active", text("last_active DESC"), text("id DESC")),
        # the newest session of a key
        Index(
            "idx_sessions_key",
            "key",
            "started_at",
            sqlite_where=text("key IS NOT NULL"),
            info={"condition": "both databases'"},
        ),
    )


class Message(Base):
    """One message as sent or received.

    The order of a conversation is `id`, the order of insertion: clocks step back. `content` is
    text, or JSON when `content_format` says so (multimodal content: a list of parts, or a dict).
    """

    __tablename__ = "messages"

    id: Mapped[int] = mapped_column(WHOLE, primary_key=True)
    session_id: Mapped[str] = mapped_column(
        ID,
        ForeignKey("sessions.id"),
        active_history=True,  # the session that a message leaves is counted anew, too
    )
    role: Mapped[RequiredText]
    content: Mapped[Any] = mapped_column(Content, nullable=True)
    tool_call_id: Mapped[OptionalText]
    tool_calls: Mapped[AsJson]
    tool_name: Mapped[OptionalText]
    timestamp: Mapped[Epoch] = mapped_column(default=values.now)
    token_count: Mapped[int | None] = mapped_column(WHOLE)
    finish_reason: Mapped[OptionalText]
    reasoning: Mapped[OptionalText]
    reasoning_details: Mapped[AsJson]
    codex_reasoning_items: Mapped[AsJson]
    content_format: Mapped[OptionalText] = mapped_column(default=_content_format, info=HIDDEN)
    """NULL: `content` is the text itself; 'json': it is JSON of a list or dict."""
    folded: Mapped[str | None] = mapped_column(Text, info=HIDDEN)
    """What search takes in place of the texts and beside them, as JSON; NULL for most messages."""
    name: Mapped[OptionalText]
    """Who speaks, among several of one role; the tool of a tool message is `tool_name`."""
    state: Mapped[OptionalText]
    """NULL: live. 'compacted': summarised away. 'rewound': taken back by the user."""
    external_id: Mapped[OptionalText]
    """The id that a platform or framework gave the message.

    Unique among the live messages of its session.
    """
    extra: Mapped[AsJson]
    """What a message holds besides the columns: an object; NULL for most messages."""
    may_wait: Mapped[int | None] = mapped_column(WHOLE, info=HIDDEN)
    """1: SQLite's search index may take it together with later ones. NULL: it takes it at once."""

    session: Mapped[Session] = relationship(back_populates="messages", lazy="raise")

    def __repr__(self) -> str:
        return _shown(self, "id", "session_id", "role", "content")

    __table_args__ = (
        # a conversation in order, its neighbours of a search hit, its count
        # with the state, so that messages which are set aside are passed by in the index
        Index("idx_messages_session", "session_id", "id", "state"),
        # a message that comes twice is stored once
        Index(
            "idx_messages_external_id",
            "session_id",
            "external_id",
            unique=True,
            sqlite_where=text("external_id IS NOT NULL AND state IS NULL"),
            info={"condition": "both databases'"},
        ),
        # the few messages that a search leaves out
        Index(
            "idx_messages_rewound",
            "state",
            "id",
            sqlite_where=text("state = 'rewound'"),
            info={"condition": "both databases'"},
        ),
        # ids are never used twice, so an id kept by a reader stays true
        {"sqlite_autoincrement": True},
    )


class Usage(Base):
    """What one model and one task of a session used in one hour.

    A text that is not known is '' here: a key holds no NULL. The sums that a session itself keeps
    are another account, which nothing here changes.
    """

    __tablename__ = "usage"

    session_id: Mapped[str] = mapped_column(
        ID, ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True
    )
    hour: Mapped[int] = mapped_column(WHOLE, primary_key=True)
    """Hours since the Unix epoch, of the time of the record."""
    task: Mapped[KeyText]
    """Which work of the agent it was: "title", "compression"; '' is the conversation itself."""
    model: Mapped[KeyText]
    provider: Mapped[KeyText]
    base_url: Mapped[KeyText]
    mode: Mapped[KeyText]
    calls: Mapped[Sum]
    input_tokens: Mapped[Sum]
    output_tokens: Mapped[Sum]
    cache_read_tokens: Mapped[Sum]
    cache_write_tokens: Mapped[Sum]
    reasoning_tokens: Mapped[Sum]
    estimated_cost_usd: Mapped[Dollars]
    actual_cost_usd: Mapped[Dollars]
    first_at: Mapped[Epoch]
    last_at: Mapped[Epoch]

    __table_args__ = (
        # sums by day, week and month
        Index("idx_usage_hour", "hour"),
    )


class Meta(Base):
    """What a program keeps beside its sessions, under a key of its own."""

    __tablename__ = "meta"

    key: Mapped[str] = mapped_column(ID, primary_key=True)
    value: Mapped[AsJson]


class Lease(Base):
    """Who alone may do something, until when."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(ID, primary_key=True)
    holder: Mapped[RequiredText]
    acquired_at: Mapped[Epoch]
    expires_at: Mapped[Epoch]


def _shown(entity: Base, *names: str) -> str:
    """What is loaded of an entity, cut short: a repr must not read from the database."""
    loaded = {name: entity.__dict__[name] for name in names if name in entity.__dict__}
    fields = ", ".join(f"{name}={reprlib.repr(value)}" for name, value in loaded.items())
    return f"{type(entity).__name__}({fields})"


sessions = cast("Table", Session.__table__)
messages = cast("Table", Message.__table__)
