"""A long session is imported in slices: others write in between, and the import can go on."""

import json
import subprocess
import sys
from contextlib import nullcontext
from itertools import count

import pytest

from hermes_store import SessionRepository
from hermes_store.errors import InvalidArgumentError
from hermes_store.records import ImportResult
from hermes_store.transfer import parsing

SLICE, LENGTH = 100, 250


@pytest.fixture(autouse=True)
def short_slices(monkeypatch):
    """A session is long with a tenth of the messages: many tests import one."""
    monkeypatch.setattr(parsing, "_ROWS_OF_A_SLICE", SLICE)


def long_session(length=LENGTH, **more):
    found = [
        {"id": 10 + 2 * n, "role": "user", "content": f"m{n}", "timestamp": 100.0 + n,
         "tool_calls": [{"id": 1}] if n % 2 else None}
        for n in range(length)
    ]  # fmt: skip
    session = {"id": "long", "source": "cli", "started_at": 50.0, "ended_at": 9e9, "title": "Long"}
    return session | {"end_reason": "done", "messages": found} | more


class StoppedError(Exception):
    pass


def stopping_after(repository, slices, error=StoppedError):
    """The door through which an import writes; it breaks after so many slices."""
    written, write = count(), repository._write

    def door(function, *args, **kwargs):
        if function.__name__ == "_append_slice" and next(written) == slices:
            raise error
        return write(function, *args, **kwargs)

    return door


def contents(repository):
    return [message["content"] for message in repository.get_messages("long")]


def test_a_long_session_comes_back_as_it_was(repository):
    result = repository.import_sessions([long_session()])
    assert (result.sessions, result.messages, result.unfinished) == (1, LENGTH, {})
    session = repository.get_session("long")
    assert (session["ended_at"], session["end_reason"]) == (9e9, "done")
    assert (session["message_count"], session["tool_call_count"]) == (LENGTH, LENGTH // 2)
    assert session["last_active"] == 100.0 + LENGTH - 1
    messages = repository.get_messages("long")
    assert [m["id"] for m in messages] == [10 + 2 * n for n in range(LENGTH)]
    assert [m["content"] for m in messages] == [f"m{n}" for n in range(LENGTH)]
    assert len(repository.search_messages(f"m{LENGTH - 1}")) == 1
    assert repository.check() == []


def test_a_session_that_fits_one_slice_is_stored_whole(repository, monkeypatch):
    monkeypatch.undo()  # of `short_slices`
    monkeypatch.setattr(repository, "_write", stopping_after(repository, 0))
    assert repository.import_sessions([long_session(1_000)]).messages == 1_000
    with pytest.raises(StoppedError):
        repository.import_sessions([long_session(1_001, id="longer", title=None)])


def test_others_write_between_the_slices(repository, monkeypatch):
    write, seen = repository._write, []

    def door(function, *args, **kwargs):
        result = write(function, *args, **kwargs)
        if function.__name__ == "_append_slice":
            repository.create_session(f"other {len(seen)}", "cli")
            session = repository.get_session("long")
            ended = (session["ended_at"], session["end_reason"])
            seen.append((session["message_count"], session["tool_call_count"], ended))
        return result

    monkeypatch.setattr(repository, "_write", door)
    repository.import_sessions([long_session()])
    unfinished = (None, "importing")
    assert seen == [
        (100, 50, unfinished),
        (200, 100, unfinished),
        (250, 125, unfinished),
    ]
    assert repository.session_count() == 4


@pytest.mark.parametrize("slices", [0, 1, 2])
def test_an_interrupted_import_goes_on_where_it_stopped(repository, monkeypatch, slices):
    result = ImportResult()
    with monkeypatch.context() as patch:
        patch.setattr(repository, "_write", stopping_after(repository, slices))
        with pytest.raises(StoppedError):
            repository.import_sessions([long_session()], result=result)
    assert result.unfinished == {"long": slices * SLICE}
    assert contents(repository) == [f"m{n}" for n in range(slices * SLICE)]
    assert repository.check() == []
    again = repository.import_sessions([long_session()])
    assert (again.sessions, again.messages) == (1, LENGTH - slices * SLICE)
    assert [m["id"] for m in repository.get_messages("long")] == [10 + 2 * n for n in range(LENGTH)]
    assert repository.get_session("long")["end_reason"] == "done"
    assert repository.import_sessions([long_session()]).skipped == ["long"]


@pytest.mark.parametrize("length", [3, LENGTH])
@pytest.mark.parametrize("writes", [1, 2, 3, 4, 5])
def test_an_interruption_right_after_a_commit_counts_what_was_stored(repository, monkeypatch, length, writes):  # fmt: skip
    """As Ctrl-C between a COMMIT and the count of it does."""
    result, write, written = ImportResult(), repository._write, count(1)

    def door(function, *args, **kwargs):
        value = write(function, *args, **kwargs)
        if next(written) == writes:
            raise KeyboardInterrupt
        return value

    monkeypatch.setattr(repository, "_write", door)
    interrupted = writes == 1 or length > 3
    with pytest.raises(KeyboardInterrupt) if interrupted else nullcontext():
        repository.import_sessions([long_session(length)], result=result)
    whole = repository.get_session("long")["end_reason"] == "done"
    number = repository.message_count("long")
    assert (result.sessions, result.messages) == ((1, number) if whole else (0, 0))
    assert result.unfinished == ({} if whole else {"long": number})
    assert result.skipped == []


def test_ids_that_are_taken_make_all_ids_new(repository):
    repository.create_session("other", "cli")
    repository.import_sessions(
        [long_session(id="other 2", title=None, messages=[{"id": 400, "role": "user"}])]
    )
    repository.import_sessions([long_session()])
    ids = [m["id"] for m in repository.get_messages("long")]
    assert ids == sorted(ids)
    assert ids[0] == 401
    assert contents(repository) == [f"m{n}" for n in range(LENGTH)]


def test_an_id_that_is_taken_in_between_does_not_change_the_order(repository, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(repository, "_write", stopping_after(repository, 1))
        with pytest.raises(StoppedError):
            repository.import_sessions([long_session()])
    thief = {
        "id": "thief",
        "source": "x",
        "started_at": 1,
        "messages": [{"id": 300, "role": "user"}],
    }
    repository.import_sessions([thief])
    repository.import_sessions([long_session()])
    assert contents(repository) == [f"m{n}" for n in range(LENGTH)]


@pytest.mark.parametrize("changed", [{"content": "other"}, {"timestamp": 1.0}, {"role": "tool"}])
def test_an_import_does_not_go_on_behind_other_messages(repository, monkeypatch, changed):
    with monkeypatch.context() as patch:
        patch.setattr(repository, "_write", stopping_after(repository, 1))
        with pytest.raises(StoppedError):
            repository.import_sessions([long_session()])
    other = long_session()
    other["messages"][SLICE - 1] |= changed
    with pytest.raises(InvalidArgumentError, match=r"session long, messages: differ .* delete the"):
        repository.import_sessions([other])
    assert repository.message_count("long") == SLICE


def test_an_import_does_not_go_on_behind_what_an_agent_appended(repository, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(repository, "_write", stopping_after(repository, 1))
        with pytest.raises(StoppedError):
            repository.import_sessions([long_session()])
    repository.append_message("long", "user", "from an agent")
    with pytest.raises(InvalidArgumentError, match="session long, messages: differ"):
        repository.import_sessions([long_session()])
    assert repository.message_count("long") == SLICE + 1


def test_an_import_stops_when_an_agent_writes_to_its_session_in_between(repository):
    class Messages:
        readings = 0

        def __iter__(self):
            self.readings += 1
            for n in range(LENGTH):
                if self.readings == 2 and n == 150:  # the first slice is stored
                    repository.append_message("long", "user", "theirs")
                yield {"role": "user", "content": f"m{n}"}

    with pytest.raises(InvalidArgumentError, match="differ from those that an interrupted import"):
        repository.import_sessions([long_session(messages=Messages())])
    assert contents(repository) == [*(f"m{n}" for n in range(SLICE)), "theirs"]
    assert repository.get_session("long")["message_count"] == SLICE + 1


def test_a_bad_message_at_the_end_stores_nothing(repository):
    session = long_session()
    session["messages"].append({"role": "user", "content": 5})
    with pytest.raises(InvalidArgumentError, match=r"messages\[250\], content"):
        repository.import_sessions([session])
    assert repository.session_count() == 0


def test_long_texts_are_sliced_too(repository, monkeypatch):
    found = [{"role": "user", "content": "x" * 900_000}] * 5
    calls, write = [], repository._write
    monkeypatch.setattr(
        repository,
        "_write",
        lambda function, *a, **k: calls.append(function.__name__) or write(function, *a, **k),
    )
    repository.import_sessions([long_session(messages=found)])
    assert calls.count("_append_slice") == 2
    assert repository.message_count("long") == 5


def test_messages_may_be_anything_that_can_be_read_twice(repository):
    class Messages:
        def __iter__(self):
            return ({"role": "user", "content": f"m{n}"} for n in range(150))

    repository.import_sessions([long_session(messages=Messages())])
    assert contents(repository) == [f"m{n}" for n in range(150)]
    with pytest.raises(InvalidArgumentError, match="messages: is not a list"):
        repository.import_sessions([long_session(id="once", messages=iter(Messages()))])


def test_a_transaction_imports_a_long_session_whole_or_not_at_all(repository):
    with pytest.raises(StoppedError), repository.transaction() as tx:
        tx.import_sessions([long_session()])
        assert tx.message_count("long") == LENGTH
        raise StoppedError
    assert repository.session_count() == 0


MEMORY = """
import sys
from pathlib import Path
from hermes_store.cli.app import run
def peak():  # getrusage has the peak of the process that started this one, too
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
assert run(["--db", sys.argv[1], "import", sys.argv[2]]) == 0
before = peak()
assert run(["--db", sys.argv[1], "import", sys.argv[3]]) == 0
print(peak() - before)
"""


def test_memory_does_not_grow_with_the_length_of_a_log(sqlite_database, tmp_path):
    line = json.dumps({"role": "user", "content": "x" * 1_600}) + "\n"
    for name, length in (("short", 3_000), ("long", 16_000)):
        (tmp_path / f"{name}.jsonl").write_text(line * length)
    files = (str(tmp_path / "short.jsonl"), str(tmp_path / "long.jsonl"))
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(sqlite_database), *files],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stdout) < 16_000  # kB; the log alone is 26,000
    with SessionRepository(sqlite_database) as repository:
        assert repository.message_count("long") == 16_000
