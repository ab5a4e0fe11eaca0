"""The tables: what a row of `sessions` and `messages` means.

Table, column and index names are a public format that other tools read. Times are Unix
epoch seconds (float, UTC); costs are US dollars; token counts are whole tokens.
"""

from typing import Annotated, cast

from sqlalchemy import (
    REAL,
    BigInteger,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeEngine

# Ids compare byte by byte on every database, so that a prefix is a range of the index. Only
# generic types here: importing the PostgreSQL dialect would take longer than all of this package.
_Id: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")
_Whole: TypeEngine[int] = Integer().with_variant(BigInteger(), "postgresql")
_Float: TypeEngine[float] = Double().with_variant(REAL(), "sqlite")

SessionId = Annotated[str, mapped_column(_Id, primary_key=True)]
Epoch = Annotated[float, mapped_column(_Float)]
OptionalEpoch = Annotated[float | None, mapped_column(_Float)]
Dollars = Annotated[float | None, mapped_column(_Float)]
Counter = Annotated[int | None, mapped_column(_Whole, server_default=text("0"))]
Json = Annotated[str | None, mapped_column(Text)]
"""JSON text; decoded by every reader of this package."""


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
    source: Mapped[str] = mapped_column(Text)
    user_id: Mapped[str | None] = mapped_column(Text)
    model: Mapped[str | None] = mapped_column(Text)
    model_config: Mapped[Json]
    system_prompt: Mapped[str | None] = mapped_column(Text)
    parent_session_id: Mapped[str | None] = mapped_column(_Id, ForeignKey("sessions.id"))
    started_at: Mapped[Epoch]
    ended_at: Mapped[OptionalEpoch]
    end_reason: Mapped[str | None] = mapped_column(Text)
    message_count: Mapped[Counter]
    tool_call_count: Mapped[Counter]
    input_tokens: Mapped[Counter]
    output_tokens: Mapped[Counter]
    title: Mapped[str | None] = mapped_column(Text)
    cache_read_tokens: Mapped[Counter]
    cache_write_tokens: Mapped[Counter]
    reasoning_tokens: Mapped[Counter]
    billing_provider: Mapped[str | None] = mapped_column(Text)
    billing_base_url: Mapped[str | None] = mapped_column(Text)
    billing_mode: Mapped[str | None] = mapped_column(Text)
    estimated_cost_usd: Mapped[Dollars]
    actual_cost_usd: Mapped[Dollars]
    cost_status: Mapped[str | None] = mapped_column(Text)
    cost_source: Mapped[str | None] = mapped_column(Text)
    pricing_version: Mapped[str | None] = mapped_column(Text)
    last_active: Mapped[OptionalEpoch]
    """Time of the newest message, or of the start while there is none."""

    messages: Mapped[list["Message"]] = relationship(
        back_populates="session", lazy="raise", passive_deletes=True
    )
    parent: Mapped["Session | None"] = relationship(
        back_populates="children", remote_side="Session.id", lazy="raise"
    )
    children: Mapped[list["Session"]] = relationship(back_populates="parent", lazy="raise")

    __table_args__ = (
        # list, search and count filtered by source
        Index("idx_sessions_source", "source"),
        # children of a session: delete, prune, lineage
        Index("idx_sessions_parent", "parent_session_id"),
        # newest first
        Index("idx_sessions_started", text("started_at DESC")),
        # look-up by title; a title names one session
        Index(
            "idx_sessions_title_unique",
            "title",
            unique=True,
            sqlite_where=text("title IS NOT NULL"),
        ),
        # last used first, at the cost of the page
        Index("idx_sessions_last_active", text("last_active DESC")),
    )


class Message(Base):
    """One message as sent or received. Rows are appended and deleted, never edited.

    The order of a conversation is `id`, the order of insertion: clocks step back. `content` is
    text, or JSON when `content_format` says so (multimodal content: a list of parts, or a dict).
    """

    __tablename__ = "messages"

    id: Mapped[int] = mapped_column(_Whole, primary_key=True)
    session_id: Mapped[str] = mapped_column(_Id, ForeignKey("sessions.id"))
    role: Mapped[str] = mapped_column(Text)
    content: Mapped[str | None] = mapped_column(Text)
    tool_call_id: Mapped[str | None] = mapped_column(Text)
    tool_calls: Mapped[Json]
    tool_name: Mapped[str | None] = mapped_column(Text)
    timestamp: Mapped[Epoch]
    token_count: Mapped[int | None] = mapped_column(_Whole)
    finish_reason: Mapped[str | None] = mapped_column(Text)
    reasoning: Mapped[str | None] = mapped_column(Text)
    reasoning_details: Mapped[Json]
    codex_reasoning_items: Mapped[Json]
    content_format: Mapped[str | None] = mapped_column(Text)
    """NULL: `content` is the text itself; 'json': it is JSON of a list or dict."""
    folded: Mapped[str | None] = mapped_column(Text)
    """What search takes in place of the texts and beside them, as JSON; NULL for most messages."""

    session: Mapped[Session] = relationship(back_populates="messages", lazy="raise")

    __table_args__ = (
        # a conversation in order, its neighbours of a search hit, its count
        Index("idx_messages_session", "session_id", "id"),
        # ids are never used twice, so an id kept by a reader stays true
        {"sqlite_autoincrement": True},
    )


sessions = cast("Table", Session.__table__)
messages = cast("Table", Message.__table__)
