"""How asyncio programs store messages: awaited, by `to_thread`, by aiosqlite, by a framework.

A contender that is not installed is left out. A framework has a schema of its own, and no search.
"""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from benchmarks.contenders.by_hand import (
    CONVERSATION,
    COUNT_IN,
    CREATE,
    INSERT,
    conversation_message,
    row,
)
from benchmarks.corpus import Message
from hermes_store import AsyncSessionRepository, SessionRepository

AWAITED = "AsyncSessionRepository"
TO_THREAD = "asyncio.to_thread"
AIOSQLITE = "aiosqlite by hand"
FRAMEWORK = "openai-agents SQLAlchemySession"


class InALoop(Protocol):
    """What a contender has; `share` is the part of the work that it gets to do."""

    share: float

    async def create_session(self, session_id: str) -> None: ...
    async def append(self, session_id: str, message: Message) -> Any: ...
    async def load(self, session_id: str) -> list[Any]: ...
    async def close(self) -> None: ...


class Awaited:
    share = 1.0

    def __init__(self, path: Path) -> None:
        self.repository = AsyncSessionRepository(SessionRepository(path))
        self.close = self.repository.close

    async def create_session(self, session_id: str) -> None:
        await self.repository.create_session(session_id, "cli")

    async def append(self, session_id: str, message: Message) -> int:
        return await self.repository.append_message(session_id, **message)

    async def load(self, session_id: str) -> list[Any]:
        return await self.repository.get_messages_as_conversation(session_id)


class InThreads:
    share = 1.0

    def __init__(self, path: Path) -> None:
        self.repository = SessionRepository(path)

    async def create_session(self, session_id: str) -> None:
        await asyncio.to_thread(self.repository.create_session, session_id, "cli")

    async def append(self, session_id: str, message: Message) -> int:
        return await asyncio.to_thread(self.repository.append_message, session_id, **message)

    async def load(self, session_id: str) -> list[Any]:
        return await asyncio.to_thread(self.repository.get_messages_as_conversation, session_id)

    async def close(self) -> None:
        await asyncio.to_thread(self.repository.close)


class Aiosqlite:
    """One connection, a lock around each transaction, the pragmas and rows of the store."""

    share = 1.0

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = asyncio.Lock()
        self.db: Any = None

    async def create_session(self, session_id: str) -> None:
        await self._open()
        await self.db.execute(CREATE, (session_id, "cli", None, 0.0, 0.0))

    async def append(self, session_id: str, message: Message) -> int:
        values, tool_calls = row(session_id, message)
        now = values[6]
        async with self.lock:
            await self.db.execute("BEGIN IMMEDIATE")
            cursor = await self.db.execute(INSERT, values)
            await self.db.execute(COUNT_IN, (1, tool_calls, now, now, session_id))
            await self.db.execute("COMMIT")
        return cursor.lastrowid

    async def load(self, session_id: str) -> list[Any]:
        rows = await self.db.execute_fetchall(CONVERSATION, (session_id,))
        return [conversation_message(each) for each in rows]

    async def close(self) -> None:
        await self.db.close()

    async def _open(self) -> None:
        import aiosqlite

        if self.db is None:
            self.db = await aiosqlite.connect(self.path, isolation_level=None)
            for pragma in ("busy_timeout=20000", "journal_mode=WAL", "synchronous=NORMAL"):
                await self.db.execute(f"PRAGMA {pragma}")


class Framework:
    """A session of openai-agents for each of ours, as its documentation makes them."""

    share = 0.02

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite+aiosqlite:///{path}"
        self.sessions: dict[str, Any] = {}

    async def create_session(self, session_id: str) -> None:
        from agents.extensions.memory import SQLAlchemySession

        engine = next((each.engine for each in self.sessions.values()), None)
        if engine is None:
            session = SQLAlchemySession.from_url(session_id, url=self.url, create_tables=True)
        else:
            session = SQLAlchemySession(session_id, engine=engine)
        self.sessions[session_id] = session

    async def append(self, session_id: str, message: Message) -> None:
        item = {"role": message["role"], "content": str(message.get("content"))}
        await self.sessions[session_id].add_items([item])

    async def load(self, session_id: str) -> list[Any]:
        return await self.sessions[session_id].get_items()

    async def close(self) -> None:
        for session in list(self.sessions.values())[:1]:
            await session.engine.dispose()


def contenders() -> dict[str, Any]:
    """The classes of those that are installed."""
    found: dict[str, Any] = {AWAITED: Awaited, TO_THREAD: InThreads}
    if find_spec("aiosqlite"):
        found[AIOSQLITE] = Aiosqlite
        if find_spec("agents"):
            found[FRAMEWORK] = Framework
    return found
