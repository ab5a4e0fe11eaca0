"""Errors keep what they say and what they carry, also on their way to another process."""

import inspect
import pickle

import pytest

from hermes_store import errors

EXAMPLES = [
    errors.InvalidArgumentError("limit", "is -1", "give 0 or more"),
    errors.TitleInUseError("title", "s1"),
    errors.SessionNotFoundError("s1"),
    errors.MessageNotFoundError("s1", 7),
    errors.StoreClosedError(),
    errors.NestedTransactionError(),
    errors.TransactionOverError(),
    errors.StoreBusyError(1.5),
    errors.PoolExhaustedError(5, 30.0),
    errors.StoreUnavailableError("the disk is full", "free some space"),
    errors.OutcomeUnknownError("reset by peer"),
    errors.StoreReadOnlyError("no write"),
    errors.TransactionRolledBackError(),
    errors.FileReplacedError("state.db", "moved or removed", "moved.db"),
    errors.RefusedError("no such table"),
    errors.ForeignTriggerError("the message is not there"),
    errors.SecondNameError("state.db is one of 2 hard links", "remove all but one"),
    errors.BackupError("there is no store in state.db", "give another"),
    errors.CopyError("the target holds session x"),
    errors.LogFileError("export.zip", "is a damaged zip", "get it once more"),
    errors.SearchIndexError("damaged", "row 3"),
    errors.SearchTooBroadError(10.0),
    errors.SchemaTooNewError("7", "6"),
    errors.UpgradeRequiredError("0001", "0009"),
    errors.ForeignDatabaseError("tables a, b"),
    errors.DamagedFileError("not a database"),
    errors.MigrationError("cannot upgrade"),
]


def test_every_error_class_is_public_and_has_an_example_here() -> None:
    classes = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.HermesStoreError)
    }
    assert classes == set(errors.__all__)
    bases = {"HermesStoreError", "SchemaError"}
    assert {type(example).__name__ for example in EXAMPLES} == classes - bases


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling_with_its_message_and_fields(
    error: errors.HermesStoreError,
) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), vars(copy)) == (str(error), vars(error))
