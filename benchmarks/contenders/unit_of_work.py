"""The ORM as most tutorials use it: entities, `Session.add`, `commit`."""

from __future__ import annotations

import threading
import time

from sqlalchemy import event, orm, select

from benchmarks.corpus import Message
from hermes_store.database import sqlite_engines
from hermes_store.database.address import url_of
from hermes_store.models import Message as MessageEntity
from hermes_store.models import Session
from hermes_store.settings import Settings


class UnitOfWork:
    """One ORM session on one connection, shared under a lock; a commit for each call."""

    def __init__(self, path: str, settings: Settings) -> None:
        self.path = path
        self._engine = sqlite_engines.write_engine(url_of(path), settings)
        event.remove(self._engine, "begin", sqlite_engines.require_transaction)
        event.listen(self._engine, "begin", sqlite_engines.begin_writing)
        self._connection = self._engine.connect()
        self._orm = orm.Session(self._connection, expire_on_commit=False)
        self._lock = threading.Lock()

    def close(self) -> None:
        self._orm.close()
        self._connection.close()

    def create_session(self, session_id: str) -> None:
        now = time.time()
        session = Session(
            id=session_id, source="cli", model="a-model", started_at=now, last_active=now
        )
        with self._lock:
            self._orm.add(session)
            self._orm.commit()

    def append(self, session_id: str, message: Message) -> int:
        with self._lock:
            entity = self._add(session_id, message)
            self._orm.commit()
            return entity.id

    def append_many(self, session_id: str, messages: list[Message]) -> list[int]:
        with self._lock:
            entities = [self._add(session_id, message) for message in messages]
            self._orm.commit()
            return [entity.id for entity in entities]

    def load(self, session_id: str) -> list[MessageEntity]:
        statement = select(MessageEntity).where(MessageEntity.session_id == session_id)
        with self._lock:
            entities = list(self._orm.scalars(statement.order_by(MessageEntity.id)))
            self._orm.rollback()  # as the end of a request does; the next load reads again
            self._orm.expunge_all()
        return entities

    def _add(self, session_id: str, message: Message) -> MessageEntity:
        session = self._orm.get_one(Session, session_id)
        now = time.time()
        entity = MessageEntity(session_id=session_id, timestamp=now, **message)
        self._orm.add(entity)
        session.message_count = (session.message_count or 0) + 1
        session.tool_call_count = (session.tool_call_count or 0) + len(
            message.get("tool_calls", ())
        )
        session.last_active = now
        return entity
