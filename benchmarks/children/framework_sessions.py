"""Appends and loads of a framework's own SQL sessions and ours, as JSON; in the framework's Python.

python -m benchmarks.children.framework_sessions NAME FOLDER SECONDS
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from benchmarks.corpus import Corpus

TASKS = (1, 64, 1_000)
LOADED = 20
"""Messages of a session that is loaded."""


class Sessions(Protocol):
    """What a contender does; a task has a session of its own."""

    async def begin(self, name: str) -> Any: ...
    async def append(self, session: Any, text: str) -> Any: ...
    async def load(self, session: Any) -> int: ...
    async def close(self) -> None: ...


class OfOpenAI:
    """Sessions of the OpenAI Agents SDK, made by a function of their id."""

    def __init__(self, make: Callable[[str], Any], close: Callable[[], Awaitable[Any]]) -> None:
        self._make = make
        self.close = close

    async def begin(self, name: str) -> Any:
        return self._make(name)

    async def append(self, session: Any, text: str) -> None:
        await session.add_items([{"role": "user", "content": text}])

    async def load(self, session: Any) -> int:
        return len(await session.get_items())


class OfADK:
    """A session service of Google's Agent Development Kit."""

    def __init__(self, service: Any) -> None:
        self._service = service

    async def begin(self, name: str) -> Any:
        return await self._service.create_session(app_name="app", user_id="u", session_id=name)

    async def append(self, session: Any, text: str) -> None:
        from google.adk.events import Event
        from google.genai.types import Content, Part

        said = Content(role="user", parts=[Part(text=text)])
        await self._service.append_event(session, Event(author="user", content=said))

    async def load(self, session: Any) -> int:
        key = {"app_name": "app", "user_id": "u", "session_id": session.id}
        return len((await self._service.get_session(**key)).events)

    async def close(self) -> None:
        await getattr(self._service, "close", _nothing)()


async def _nothing() -> None:
    pass


def of_openai(folder: Path) -> dict[str, Callable[[], Sessions]]:
    from agents import SQLiteSession
    from agents.extensions.memory import SQLAlchemySession
    from sqlalchemy.ext.asyncio import create_async_engine

    from hermes_store import AsyncSessionRepository, SessionRepository
    from hermes_store.adapters.openai_agents import HermesSession

    def ours() -> Sessions:
        repository = AsyncSessionRepository(SessionRepository(_new(folder)))
        return OfOpenAI(lambda name: HermesSession(name, repository), repository.close)

    def sqlalchemy() -> Sessions:
        engine = create_async_engine(f"sqlite+aiosqlite:///{_new(folder)}")
        make = SQLAlchemySession
        return OfOpenAI(lambda name: make(name, engine=engine, create_tables=True), engine.dispose)

    def sqlite() -> Sessions:
        path = _new(folder)
        return OfOpenAI(lambda name: SQLiteSession(name, path), _nothing)

    return {"HermesSession": ours, "SQLAlchemySession": sqlalchemy, "SQLiteSession": sqlite}


def of_adk(folder: Path) -> dict[str, Callable[[], Sessions]]:
    from google.adk.sessions.database_session_service import DatabaseSessionService
    from google.adk.sessions.sqlite_session_service import SqliteSessionService

    from hermes_store.adapters.google_adk import HermesSessionService

    database = "sqlite+aiosqlite:///{}"
    return {
        "HermesSessionService": lambda: OfADK(HermesSessionService(_new(folder))),
        "SqliteSessionService": lambda: OfADK(SqliteSessionService(str(_new(folder)))),
        "DatabaseSessionService": lambda: OfADK(
            DatabaseSessionService(database.format(_new(folder)))
        ),
    }


def _new(folder: Path) -> Path:
    return folder / f"{len(list(folder.iterdir())):03d}.db"


CONTENDERS = {"openai-agents": of_openai, "google-adk": of_adk}


async def measured(make: Callable[[], Sessions], tasks: int, seconds: float) -> dict[str, Any]:
    """Appends of so many tasks for so long; then loads of a session of `LOADED` messages."""
    store = make()
    texts = [each["content"] or "" for each in Corpus(1).messages(40)]
    first = await store.begin("loaded")
    for number in range(LOADED):
        await store.append(first, texts[number])
    sessions = [await store.begin(f"s{number}") for number in range(tasks)]
    latencies: list[float] = []
    failed = 0
    began = time.perf_counter()

    async def append(session: Any) -> None:
        nonlocal failed
        for number in range(1_000_000):
            start = time.perf_counter()
            if start - began > seconds:
                return
            try:
                await store.append(session, texts[number % len(texts)])
                latencies.append(time.perf_counter() - start)
            except Exception:  # noqa: BLE001 - how many appends fail is what is counted
                failed += 1

    await asyncio.gather(*map(append, sessions))
    took = time.perf_counter() - began
    loads = await _loads(store, first, tasks, seconds / 4)
    await store.close()
    latencies.sort()
    p99 = latencies[len(latencies) * 99 // 100] if latencies else None
    rate = len(latencies) / took
    return {"appends": rate, "p99": p99, "failed": failed, "loads": loads}


async def _loads(store: Sessions, session: Any, tasks: int, seconds: float) -> float:
    """Loads a second, of so many tasks."""
    done = 0
    began = time.perf_counter()

    async def load() -> None:
        nonlocal done
        while time.perf_counter() - began < seconds:
            assert await store.load(session) == LOADED
            done += 1

    await asyncio.gather(*(load() for _ in range(tasks)))
    return done / (time.perf_counter() - began)


def main(name: str, folder: str, seconds: str) -> None:
    """Print a line of JSON for each contender and number of tasks."""
    for tasks in TASKS:
        for contender, make in CONTENDERS[name](Path(folder)).items():
            found = asyncio.run(measured(make, tasks, float(seconds)))
            print(json.dumps({"contender": contender, "tasks": tasks, **found}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
