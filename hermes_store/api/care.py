"""Care of the database: figures, checks, the search index and unused space."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Any

from hermes_store.api.base import Topic
from hermes_store.database.connection import OpenConnection
from hermes_store.execution.store import Store
from hermes_store.filters import EVERYTHING
from hermes_store.queries import listing, messages
from hermes_store.records import Backup
from hermes_store.schema.at_head import alone_at_head, at_head
from hermes_store.search.choice import upkeep_of
from hermes_store.search.running import Progress

__all__ = ["Care"]


class Care(Topic):
    """What an operator asks of the whole database. Only a repository has it, not a transaction."""

    _store: Store

    def get_stats(self) -> dict[str, Any]:
        """Return counts of this process's writes, of sessions and messages, and what is in force.

        `library` and `version` name the database library. `wal_reset_bug` says whether it has that
        bug of SQLite. `journal_mode` and `synchronous` say how commits are kept, and `file_bytes`
        is the size. `log_bytes` is the length of SQLite's log, and `log_held_by` names the exports
        of this process that keep it from being cut back. Reads only.
        """
        writes = self._store.statistics()
        return {
            **writes,
            "write_count": writes["total_writes"],
            "sessions": self._read(listing.count, EVERYTHING),
            "messages": self._read(messages.count, None),
            "pool_size": self._store.settings.pool_size,
            "synchronous": self._store.settings.synchronous,
            **self._read(lambda connection: connection.backend.describe(connection.core)),
            **self._store.log(),
        }

    def check(self) -> list[str]:
        """Return what is wrong with the file, its references, counters and search index, in words.

        An empty list when all is well. Reads everything, and compares the index with every
        message. On SQLite other processes cannot write while it does that, and what is read only
        is checked without that comparison. Raises `UpgradeRequiredError` when another process
        took the schema down.
        """
        from hermes_store.queries import upkeep  # noqa: PLC0415 - seldom used

        problems, search = self._read(at_head, upkeep.problems), upkeep_of(self._store.backend)
        if search.check_writes and self._store.is_read_only:
            return problems
        compare = self._write if search.check_writes else self._read
        return [*problems, *compare(search.check)]

    def reindex(self, progress: Progress | None = None) -> None:
        """Build the search index anew, in short transactions between those of others.

        Goes on where an earlier call was interrupted. `progress` is called with how many messages
        are indexed and how many there are. Raises `StoreBusyError` while another process does it,
        and `UpgradeRequiredError` when another process took the schema down.
        """

        def run(operation: Callable[[OpenConnection], Any]) -> Any:
            return self._write(alone_at_head, operation)

        upkeep_of(self._store.backend).reindex(run, progress)

    def optimize(self) -> None:
        """Merge the search index and give unused space back; deleted text is in no byte any more.

        On SQLite the file is rewritten (VACUUM), which takes as much free disk as it is long, and
        others cannot write meanwhile. PostgreSQL frees the space for its own use only. Raises
        `StoreBusyError` while a reader or writer is in the way, and `SearchIndexError`.
        """
        upkeep_of(self._store.backend).merge(self._write)
        self._store.compact()

    def backup(
        self,
        path: str | PathLike[str],
        *,
        keep: int | None = None,
        replace: bool = False,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> Backup:
        """Write all that the store holds at this moment into one file, while others go on writing.

        `path` is a file, or a folder that gets a file with the time in its name. With `keep` it is
        a folder, and the oldest backups of this store there are deleted, so that `keep` are left.
        The file is checked and gets its name at the end, for its owner only; an earlier backup
        stays until then. Another file is replaced only with `replace`. `progress` is called with a
        step, how much of it is done, and how much there is. Raises `InvalidArgumentError` for a
        path that holds something else, `BackupError` for a store that is damaged, and
        `StoreUnavailableError` for a full disk.
        """
        from hermes_store.transfer.backup import backup  # noqa: PLC0415 - seldom used

        self._store.require_open()
        return backup(self._store.url, path, keep=keep, replace=replace, progress=progress)
