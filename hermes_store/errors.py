"""Typed errors: a class for each situation that a caller can act on. Messages say what to do."""

from __future__ import annotations

from typing import Any

__all__ = [
    "BackupError",
    "CopyError",
    "DamagedFileError",
    "FileReplacedError",
    "ForeignDatabaseError",
    "ForeignTriggerError",
    "HermesStoreError",
    "InvalidArgumentError",
    "LogFileError",
    "MessageNotFoundError",
    "MigrationError",
    "NestedTransactionError",
    "OutcomeUnknownError",
    "PoolExhaustedError",
    "RefusedError",
    "SchemaError",
    "SchemaTooNewError",
    "SearchIndexError",
    "SearchTooBroadError",
    "SecondNameError",
    "SessionNotFoundError",
    "StoreBusyError",
    "StoreClosedError",
    "StoreReadOnlyError",
    "StoreUnavailableError",
    "TitleInUseError",
    "TransactionOverError",
    "TransactionRolledBackError",
    "UpgradeRequiredError",
]


class HermesStoreError(Exception):
    """Base of every error that this package raises on purpose. Pickling keeps its fields."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), str(self), self.__dict__)


def _restored(kind: type[HermesStoreError], message: str, fields: dict[str, Any]) -> Any:
    error = kind.__new__(kind, message)
    error.__dict__.update(fields)
    return error


class InvalidArgumentError(HermesStoreError, ValueError):
    """An argument cannot be used as given; nothing was changed."""

    def __init__(self, argument: str, problem: str, remedy: str) -> None:
        self.argument = argument
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{argument}: {problem}; {remedy}")


class TitleInUseError(InvalidArgumentError):
    """Another session already has this title; titles are unique."""

    def __init__(self, title: str, session_id: str) -> None:
        self.title = title
        self.session_id = session_id
        super().__init__(
            "title",
            f"{title!r} is already in use by session {session_id}",
            "choose another, or ask get_next_title_in_lineage() for a free one",
        )


class SessionNotFoundError(HermesStoreError, LookupError):
    """The session does not exist, so nothing was written to it."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        super().__init__(
            f"no session {session_id!r}; create it with create_session() or ensure_session() first"
        )


class MessageNotFoundError(HermesStoreError, LookupError):
    """The session has no message with this id, so nothing was changed."""

    def __init__(self, session_id: str, message_id: int) -> None:
        self.session_id = session_id
        self.message_id = message_id
        super().__init__(
            f"session {session_id!r} has no message {message_id}; "
            "give an id that get_messages() returns"
        )


class StoreClosedError(HermesStoreError):
    """The repository was closed; the operation did not run."""

    def __init__(self) -> None:
        super().__init__("the repository is closed; open a new SessionRepository")


class NestedTransactionError(HermesStoreError):
    """A thread asked the repository for a write inside its own transaction(), or inside a write."""

    def __init__(self) -> None:
        super().__init__(
            "this thread is inside a write already; call the method on the object that "
            "transaction() gave, and what a signal handler or a finalizer stores in another thread"
        )


class TransactionOverError(HermesStoreError):
    """The block of `transaction()` has ended; the operation did not run."""

    def __init__(self) -> None:
        super().__init__("the transaction is over; open another with transaction()")


class StoreBusyError(HermesStoreError):
    """Another process or thread held the database for longer than `lock_timeout`."""

    def __init__(self, waited: float, holder: str = "another process") -> None:
        self.waited = waited
        super().__init__(
            f"the database was locked by {holder} for {waited:.1f} seconds; nothing was written: "
            "try again, or raise lock_timeout"
        )


class PoolExhaustedError(HermesStoreError):
    """Every pooled read connection was in use for longer than `pool_timeout`."""

    def __init__(self, size: int, waited: float) -> None:
        self.size = size
        self.waited = waited
        super().__init__(
            f"all {size} read connections were in use for {waited:.1f} seconds; "
            "raise pool_size, or finish long reads sooner"
        )


class StoreUnavailableError(HermesStoreError):
    """The database cannot be read or written: disk full, I/O error, connection lost."""

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}; {remedy}")


class OutcomeUnknownError(StoreUnavailableError):
    """The connection was lost during COMMIT: the operation was stored, or it was not."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"the connection to the server was lost during COMMIT ({problem})",
            "the operation may have been stored: look before you run it again",
        )


class StoreReadOnlyError(StoreUnavailableError):
    """The file, its folder or the server accepts no writes."""

    def __init__(
        self, problem: str, remedy: str = "make the file and its folder writable, then try again"
    ) -> None:
        super().__init__(problem, remedy)


class TransactionRolledBackError(StoreUnavailableError):
    """The database ended the transaction by itself after an error; nothing of it was stored."""

    def __init__(self, because: str = "an error", remedy: str = "run all of it again") -> None:
        super().__init__(f"the database rolled the transaction back after {because}", remedy)


class FileReplacedError(StoreUnavailableError):
    """The file was moved, removed or replaced while it was open; the operation was not stored.

    The next operation opens the file that lies at the path then.
    """

    def __init__(self, path: str, happened: str, now_at: str | None) -> None:
        self.path = path
        self.now_at = now_at
        """Where the file that was open is now; None when it is not known, or removed."""
        found = f", and is now {now_at}" if now_at else ""
        super().__init__(
            f"{path} was {happened} while it was open{found}; nothing of this operation is in the "
            "file at that path",
            "run it again: it uses the file that lies there then",
        )


_REMOVE_TRIGGER = "'hermes-store doctor' names it, 'hermes-store reindex' or reindex() removes it"


class RefusedError(StoreUnavailableError):
    """The database refused the operation for a reason that the store does not know."""

    def __init__(self, reason: str, *, by_trigger: bool = False) -> None:
        self.reason = reason
        """What the database said, in one line."""
        self.by_trigger = by_trigger
        """Whether a trigger that is not the store's said it."""
        super().__init__(
            f"the database refused the operation ({reason}); nothing of it was stored",
            f"a trigger that is not the store's says so: {_REMOVE_TRIGGER}"
            if by_trigger
            else "'hermes-store doctor' and check() look for what is wrong",
        )


class ForeignTriggerError(StoreUnavailableError):
    """A trigger that is not the store's kept a row from being stored, or deleted it at once."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"{problem}, because of a trigger that is not the store's; nothing was stored",
            _REMOVE_TRIGGER,
        )


class SecondNameError(StoreUnavailableError):
    """The file has two names. Each name would get a log of its own, and messages would be lost."""


class CopyError(HermesStoreError):
    """A store cannot be copied into another, or the copy is not what the source holds."""

    def __init__(self, problem: str, remedy: str = "copy into an empty database") -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}; {remedy}")


class BackupError(HermesStoreError):
    """A backup cannot be made, or a file cannot be restored; what was there is as it was."""

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}; {remedy}")


class LogFileError(HermesStoreError):
    """A file of another program cannot be read; what was imported before stays."""

    def __init__(self, name: str, problem: str, remedy: str) -> None:
        self.name = name
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{name}: {problem}; {remedy}")


class SearchIndexError(HermesStoreError):
    """The search index cannot answer; messages are safe and writes go on."""

    def __init__(self, state: str, detail: str = "") -> None:
        self.state = state
        self.detail = detail
        because = f" ({detail})" if detail else ""
        super().__init__(
            f"the search index is {state}{because}; run 'hermes-store reindex' or reindex()"
        )


class SearchTooBroadError(HermesStoreError):
    """A search took longer than `search_timeout`; it was ended, and nothing was changed."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        """The `search_timeout` that was not enough."""
        super().__init__(
            f"the search took longer than {seconds:g} seconds and was ended; look for rarer or "
            "fewer words, in one session or from a date on, or raise search_timeout"
        )


class SchemaError(HermesStoreError):
    """The database's schema is not one this version can use; it was not changed."""


class SchemaTooNewError(SchemaError):
    """A newer version wrote the database, or its revision is unknown."""

    def __init__(
        self, found: str, supported: str, remedy: str = "update the hermes_store package"
    ) -> None:
        self.found = found
        self.supported = supported
        self.remedy = remedy
        super().__init__(
            f"the database is at schema {found}, this version knows up to {supported}; "
            f"nothing was changed: {remedy}"
        )


class UpgradeRequiredError(SchemaError):
    """The database is at an older revision, and opening it may not upgrade it."""

    def __init__(self, found: str | None, required: str) -> None:
        self.found = found
        self.required = required
        super().__init__(
            f"the database is at {found or 'none'}, revision {required} is needed; "
            "run 'hermes-store upgrade' or 'alembic upgrade head', or open with auto_migrate=True"
        )


class ForeignDatabaseError(SchemaError):
    """The database holds another application's tables."""

    def __init__(self, found: str, remedy: str = "give another path") -> None:
        self.found = found
        self.remedy = remedy
        super().__init__(f"this is not a hermes store: {found}; nothing was changed: {remedy}")


class DamagedFileError(SchemaError):
    """The file is not a readable SQLite database."""

    def __init__(self, found: str) -> None:
        self.found = found
        super().__init__(
            f"the file cannot be read as a SQLite database: {found}; nothing was changed: "
            "restore it from a backup, or recover it with the sqlite3 shell's .recover"
        )


class MigrationError(SchemaError):
    """An upgrade or downgrade failed; all of it was rolled back."""
