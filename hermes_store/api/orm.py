"""The session of `orm_session()`: it keeps counters, rules and deletes as the repository does.

The sessions whose messages were written are noted, and their counters brought up to date before the
next SELECT and before COMMIT: docs/decisions/orm-door.md compares that with triggers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import event, insert, inspect, update
from sqlalchemy.orm import ORMExecuteState, object_session
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm.attributes import get_history, set_committed_value
from sqlalchemy.orm.util import identity_key

from hermes_store.api.orm_bulk import run_bulk
from hermes_store.api.orm_checks import SEARCHED, checked, searched_by
from hermes_store.api.orm_continuing import Followed, continues
from hermes_store.api.orm_counting import COUNTED, Noted
from hermes_store.api.orm_triggers import Expected
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import SessionNotFoundError, TitleInUseError
from hermes_store.models import Message, Meta, Session, Usage, links
from hermes_store.queries import deleting, session_changes, sessions, titles
from hermes_store.queries.recount import Counters
from hermes_store.search.filling import fill_those
from hermes_store.values import content_format

__all__ = ["ConversationSession"]

_COUNTED = {*Counters._fields, "started_at"}


class ConversationSession(OrmSession):
    """An `sqlalchemy.orm.Session` for `Session` and `Message`. Objects stay readable after it."""

    def __init__(self, connection: OpenConnection) -> None:
        super().__init__(
            connection.core, join_transaction_mode="create_savepoint", expire_on_commit=False
        )
        self.opened = connection
        self.noted = Noted(connection)
        self.unfolded: list[Message] = []
        self.expected = Expected(connection, ())
        self.followed = Followed(connection)

    def settle(self) -> None:
        """Bring counters up to date, in the database and in memory."""
        for session_id, counters in self.noted.settle():
            entity = self.loaded(session_id)
            if entity is not None:
                for name, value in counters._asdict().items():
                    set_committed_value(entity, name, value)

    def forget(self) -> None:
        """Let no object in memory belong to a session that is deleted."""
        cleared, self.noted.cleared = self.noted.cleared, set()
        for entity in list(self.identity_map.values()) if cleared else ():
            of_session = entity.__dict__.get("session_id")
            if isinstance(entity, (Message, Usage)) and of_session in cleared:
                self.expunge(entity)
            elif isinstance(entity, Session) and entity.parent_session_id in cleared:
                for name in ("parent_session_id", "link"):
                    set_committed_value(entity, name, None)

    def bulk_save_objects(self, objects: Iterable[object], *_: Any, **__: Any) -> None:
        """As `add_all`: SQLAlchemy's own would pass by what counts."""
        self.add_all(objects)
        self.flush()

    def bulk_insert_mappings(self, mapper: Any, mappings: Any, *_: Any, **__: Any) -> None:
        """As `execute(insert(…), …)`."""
        self.execute(insert(mapper), list(mappings))

    def bulk_update_mappings(self, mapper: Any, mappings: Any) -> None:
        """As `execute(update(…), …)`."""
        self.execute(update(mapper), list(mappings))

    def loaded(self, session_id: str) -> Session | None:
        """The `Session` of an id, if it is in memory."""
        return self.identity_map.get(identity_key(Session, session_id))


# --- when something is looked at, or committed --------------------------------------------------


@event.listens_for(ConversationSession, "do_orm_execute")
def _on_statement(state: ORMExecuteState) -> Any:
    session: Any = state.session
    if state.is_column_load or state.is_relationship_load:
        session.settle()
        return None
    if session.autoflush:
        session.flush()
    if state.is_select:
        session.settle()
        return None
    result = run_bulk(state, session.noted)
    session.forget()
    session.followed.read_anew(session)
    return result


@event.listens_for(ConversationSession, "before_commit")
def _before_commit(session: ConversationSession) -> None:
    session.flush()
    session.settle()


@event.listens_for(ConversationSession, "after_soft_rollback")
def _after_rollback(session: ConversationSession, _transaction: Any) -> None:
    session.noted.doubt()
    for entity in _each(session.identity_map.values(), Session):
        session.expire(entity, Counters._fields)


# --- the unit of work ---------------------------------------------------------------------------


def _each(entities: Iterable[Any], kind: type[Any]) -> Iterator[Any]:
    return (entity for entity in list(entities) if isinstance(entity, kind))


@event.listens_for(ConversationSession, "before_flush")
def _before_flush(session: ConversationSession, _context: Any, _instances: Any) -> None:
    for kind in (Session, Message, Usage, Meta):
        for entity in _each(session.new, kind):
            _apply_rules(entity, inspect(entity).mapper.column_attrs.keys())
        for entity in _each(session.dirty, kind):
            _apply_rules(entity, _changed(entity))
    _refuse_links_to_none(session)
    session.unfolded = _without_folded(session)
    for entity in _each(session.deleted, Message):
        session.noted.touched.add(entity.session_id)
    _refuse_unknown_sessions(session)
    _refuse_taken_titles(session)
    session.expected = Expected(session.opened, (each.id for each in _each(session.new, Message)))


def _changed(entity: Any) -> list[str]:
    state: Any = inspect(entity)
    columns = state.mapper.column_attrs.keys()
    return [name for name in columns if state.attrs[name].history.has_changes()]


def _refuse_links_to_none(session: ConversationSession) -> None:
    """Refuse a new session with a link and without the parent that the link is about."""
    for entity in _each(session.new, Session):
        given = entity.__dict__
        if given.get("parent") is None:
            links.require_parent(given.get("link"), given.get("parent_session_id"))


def _apply_rules(entity: Any, names: Iterable[str]) -> None:
    """Check attributes, fill what has a default, let `content_format` follow `content`."""
    given = {name: entity.__dict__.get(name) for name in names}
    if isinstance(entity, Message):
        if given.get("session_id") is None and entity.__dict__.get("session") is not None:
            given.pop("session_id", None)  # the relationship gives it
        if "content" in given:
            given["content_format"] = content_format(given["content"])
    for name, value in checked(entity.__tablename__, given).items():
        if name not in entity.__dict__ or entity.__dict__[name] is not value:
            setattr(entity, name, value)


def _without_folded(session: ConversationSession) -> list[Message]:
    """Fold new messages; return those to fold when they are stored.

    Of a changed one not all that is searched may be loaded, and a trigger of the database forgets
    what stood beside the old texts.
    """
    unfolded = [entity for entity in _each(session.dirty, Message) if _is_said_anew(entity)]
    for entity in _each(session.new, Message):
        beside = searched_by(entity.__dict__)
        entity.folded = beside.get("folded")
        if not beside:  # SQL says what the texts are
            unfolded.append(entity)
    return unfolded


def _is_said_anew(entity: Message) -> bool:
    return not set(SEARCHED).isdisjoint(_changed(entity))


def _refuse_unknown_sessions(session: ConversationSession) -> None:
    written = [*session.new, *session.dirty]
    added = {entity.id for entity in _each(session.new, Session)}
    named: set[Any] = set()
    for column, kind in (("session_id", Message), ("parent_session_id", Session)):
        new = (entity for entity in _each(written, kind) if column in _changed(entity))
        named.update(entity.__dict__.get(column) for entity in new)
    for session_id in named - added - {None}:
        if session.loaded(session_id) is None and not sessions.exists(session.opened, session_id):
            raise SessionNotFoundError(session_id)


def _refuse_taken_titles(session: ConversationSession) -> None:
    for entity in _each([*session.new, *session.dirty], Session):
        title = entity.__dict__.get("title")
        if title is None or "title" not in _changed(entity):
            continue
        holder = titles.holder(session.opened, title)
        other = None if holder is None else session.loaded(holder)
        if holder in {None, entity.id} or (other is not None and "title" in _changed(other)):
            continue
        raise TitleInUseError(title, str(holder))


@event.listens_for(ConversationSession, "after_flush")
def _after_flush(session: ConversationSession, _context: Any) -> None:
    session.expected.require(len([*_each(session.new, Message)]))
    session.expected.require_gone(each.id for each in _each(session.deleted, Message))
    unfolded, session.unfolded = session.unfolded, []
    fill_those(session.opened, {entity.id for entity in unfolded})
    for entity in _each(session.new, Message):
        session.noted.note(entity)
    for entity in _each(session.dirty, Message):
        if COUNTED.intersection(_changed(entity)):
            session.noted.touched.update(get_history(entity, "session_id").sum())
    for entity in _each([*session.new, *session.dirty], Session):
        changed = _changed(entity)
        if _COUNTED.intersection(changed):
            session.noted.touched.add(entity.id)
        if "parent_session_id" in changed and entity.parent_session_id is not None:
            session_changes.refuse_circle(session.opened, entity.id, entity.parent_session_id)
    session.followed.note(each.id for each in _each(session.new, Session) if continues(each))


# --- deleted sessions ---------------------------------------------------------------------------


@event.listens_for(Session, "before_delete")
def _before_delete(_mapper: Any, _connection: Any, entity: Session) -> None:
    session = object_session(entity)
    if isinstance(session, ConversationSession):
        deleting.clear_away(session.opened, entity.id)
        session.noted.cleared.add(entity.id)


@event.listens_for(ConversationSession, "after_flush_postexec")
def _after_flush_postexec(session: ConversationSession, _context: Any) -> None:
    session.forget()
    session.followed.read_anew(session)
