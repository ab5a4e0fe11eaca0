"""What a type checker tells the callers of the package: mypy runs on small programs."""

import subprocess
import sys

import pytest

RIGHT = """\
from pathlib import Path
from typing import Unpack

from hermes_store import SessionFilter, SessionRepository, Settings, Transaction
from hermes_store.records import MessageRecord
from hermes_store.settings import SettingsKeywords


def opened(path: Path, **settings: Unpack[SettingsKeywords]) -> SessionRepository:
    return SessionRepository(path, **settings)


def last(given: Transaction, session_id: str) -> MessageRecord:
    return given.get_messages(session_id)[-1]


with opened(Path("state.db"), pool_size=3, synchronous="FULL", lock_timeout=None) as repo:
    with repo.transaction() as transaction:
        number: int = transaction.append_message("s", "user", "Hello!")
        role: str = last(transaction, "s")["role"]
    count: int = repo.session_count(filter=SessionFilter(open=True, min_cost=1, title="x"))
    repo.update_session("s", cwd="/srv", extra={"thread": 1}, key=None)
    levels: Settings = Settings(synchronous="EXTRA")
"""

RIGHT_IN_A_LOOP = """\
import asyncio
from pathlib import Path
from typing import Unpack

from hermes_store import AsyncSessionRepository, Transaction
from hermes_store.records import MessageRecord, SessionExport
from hermes_store.settings import SettingsKeywords


async def opened(path: Path, **settings: Unpack[SettingsKeywords]) -> AsyncSessionRepository:
    return await AsyncSessionRepository.open(path, **settings)


def both(transaction: Transaction) -> list[int]:
    return [transaction.append_message("s", "user", each) for each in ("one", "two")]


async def main() -> None:
    async with await opened(Path("state.db"), pool_size=3) as repo:
        number: int = await repo.append_message("s", "user", "Hello!")
        ids: list[int] = await repo.run(both)
        found: list[MessageRecord] = await repo.get_messages("s", limit=number + len(ids))
        exported: list[SessionExport] = [each async for each in repo.iter_export()]
        print(found[-1]["role"], exported[0]["messages"], repo.MAX_TITLE_LENGTH)


asyncio.run(main())
"""

WRONG = {
    "a mistyped setting": (
        'SessionRepository("state.db", lock_timeuot=3)',
        'Unexpected keyword argument "lock_timeuot"',
    ),
    "a setting of the wrong type": (
        'SessionRepository("state.db", lock_timeout="3")',
        'Argument "lock_timeout" to "SessionRepository" has incompatible type "str"',
    ),
    "a level that does not exist": (
        'SessionRepository("state.db", synchronous="OFF")',
        'Argument "synchronous" to "SessionRepository" has incompatible type',
    ),
    "a mistyped setting of a caller's own function": (
        'settings: SettingsKeywords = {"pool_sise": 3}',
        'Extra key "pool_sise" for TypedDict "SettingsKeywords"',
    ),
    "a mistyped keyword of a method": (
        'SessionRepository().append_message("s", "user", contents="x")',
        'Unexpected keyword argument "contents"',
    ),
    "a mistyped field of a filter": (
        'SessionFilter(sources="cli")',
        'Unexpected keyword argument "sources"',
    ),
    "a mistyped property": (
        'SessionRepository().update_session("s", cdw="/srv")',
        'Unexpected keyword argument "cdw"',
    ),
    "a method that does not exist": (
        "SessionRepository().get_mesages",
        '"SessionRepository" has no attribute "get_mesages"',
    ),
    "a call that is not awaited": (
        'number: int = AsyncSessionRepository(SessionRepository()).message_count("s")',
        'Incompatible types in assignment (expression has type "Coroutine[Any, Any, int]"',
    ),
    "a result taken for another type": (
        'count: str = SessionRepository().message_count("s")',
        'Incompatible types in assignment (expression has type "int"',
    ),
}

IMPORTS = """\
from hermes_store import AsyncSessionRepository, SessionFilter, SessionRepository
from hermes_store.settings import SettingsKeywords
"""


@pytest.fixture(scope="module")
def reported(tmp_path_factory) -> dict[str, str]:
    """What mypy says of each program, by the name of its file."""
    folder = tmp_path_factory.mktemp("typed")
    (folder / "right.py").write_text(RIGHT)
    (folder / "right_in_a_loop.py").write_text(RIGHT_IN_A_LOOP)
    for number, (program, _) in enumerate(WRONG.values()):
        (folder / f"wrong{number}.py").write_text(IMPORTS + program + "\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir=cache"]
    command += ["--no-error-summary", *sorted(each.name for each in folder.glob("*.py"))]
    run = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)
    assert run.stderr == ""
    said = dict.fromkeys((each.stem for each in folder.glob("*.py")), "")
    for line in run.stdout.splitlines():
        name = line.split(".py:")[0]
        said[name] = said.get(name, "") + line + "\n"
    return said


@pytest.mark.parametrize("program", ["right", "right_in_a_loop"])
def test_a_right_program_passes(reported, program):
    assert reported[program] == ""


@pytest.mark.parametrize("what", WRONG)
def test_mypy_reports(reported, what):
    said = reported[f"wrong{[*WRONG].index(what)}"]
    assert WRONG[what][1] in said
    assert said.count("error:") == 1
