"""The class that asyncio programs import: a repository whose methods are awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from hermes_store.asynchronous.doors import not_awaitable
from hermes_store.asynchronous.generated import AwaitedOperations
from hermes_store.asynchronous.in_thread import in_thread
from hermes_store.errors import InvalidArgumentError

if TYPE_CHECKING:
    import os
    from typing import Unpack

    from sqlalchemy import URL

    from hermes_store.database.late_engine import Engines
    from hermes_store.repository import SessionRepository, Transaction
    from hermes_store.settings import MoreSettings

__all__ = ["AsyncSessionRepository"]

R = TypeVar("R")


class AsyncSessionRepository(AwaitedOperations):
    """Sessions and messages of AI agents in one database, for tasks of event loops.

    Its methods are those of `SessionRepository`, awaited: they return and raise the same, and none
    blocks the loop. Writes of many tasks are committed together. A call that is cancelled before a
    thread has it never runs; later, its end is awaited, and then `CancelledError` is raised.
    """

    def __init__(self, repository: SessionRepository) -> None:
        """Give the methods of an open repository to tasks. `open` opens one without blocking."""
        if not hasattr(repository, "transaction"):
            remedy = "give a SessionRepository, or await AsyncSessionRepository.open(…)"
            raise InvalidArgumentError("repository", f"{repository!r} is none", remedy)
        super().__init__(repository)

    @classmethod
    async def open(
        cls,
        db_path: str | os.PathLike[str] | URL | None = None,
        pool_size: int | None = None,
        batch_size: int | None = None,
        batch_wait_ms: float | None = None,
        enable_batching: bool | None = True,
        **settings: Unpack[MoreSettings],
    ) -> Self:
        """Open the database in a thread, creating and upgrading a SQLite file as need be.

        Takes what `SessionRepository` takes, and raises the same. Each event loop that uses the
        repository gets threads of its own: `pool_size` that read, one that writes a file.
        """
        opened: list[SessionRepository] = []

        def open_it() -> None:
            from hermes_store.asynchronous import asked  # noqa: F401, PLC0415 - imports SQLAlchemy
            from hermes_store.repository import SessionRepository  # noqa: PLC0415 - as above

            opened.append(
                SessionRepository(
                    db_path, pool_size, batch_size, batch_wait_ms, enable_batching, **settings
                )
            )

        try:
            await in_thread(open_it)
        except asyncio.CancelledError:
            for repository in opened:
                await in_thread(repository.close)
            raise
        return cls(opened[0])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"Async{self._repository!r}"

    @property
    def synchronous(self) -> SessionRepository:
        """The repository beneath: for threads, and for `orm_session()` in one of them."""
        return self._repository

    @property
    def url(self) -> URL:
        """Where the database is."""
        return self._repository.url

    @property
    def engines(self) -> Engines:
        """SQLAlchemy's engines, `write` and `read`, as `SessionRepository.engines`."""
        return self._repository.engines

    async def close(self) -> None:
        """Let running calls end; refuse those that wait, and all later ones. Idempotent.

        They raise `StoreClosedError`. Raises `StoreBusyError` when a thread stays in its
        transaction for longer than `lock_timeout`.
        """
        self._refuse()
        await in_thread(self._shut)

    async def run(self, function: Callable[[Transaction], R]) -> R:
        """Call `function(transaction)` in a thread; return its result after COMMIT.

        All that it does with the `Transaction` is committed together, or nothing when it raises.
        It holds the write lock until it returns: keep it short. Raises `StoreBusyError`, what
        `function` raises, and `InvalidArgumentError` when it returns an awaitable.
        """
        return await self._transaction(function)

    async def read(self, function: Callable[[SessionRepository], R]) -> R:
        """Call `function(repository)` in a thread that reads; return its result.

        For several reads that belong together: the task waits once. Each sees what is committed
        when it runs. To write is for `run`. Raises what `function` raises, `PoolExhaustedError`,
        and `InvalidArgumentError` when it returns an awaitable.
        """
        return await self._read(lambda repository: not_awaitable(function(repository)))
