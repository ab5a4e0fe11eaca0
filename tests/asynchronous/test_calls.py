"""Every method of a repository is awaited, with the same results and the same errors."""

import asyncio
import contextvars
import threading
from pathlib import Path

import pytest
from loops import happens

from hermes_store import AsyncSessionRepository, SessionRepository, Transaction
from hermes_store.errors import (
    InvalidArgumentError,
    SchemaError,
    SessionNotFoundError,
    StoreClosedError,
    StoreReadOnlyError,
    TransactionOverError,
)
from hermes_store.records import ImportResult


async def test_a_thousand_tasks_append_and_each_gets_the_id_of_its_own_message(repo):
    ids = await asyncio.gather(*(repo.append_message("s", "user", f"{n}") for n in range(1000)))
    stored = {each["id"]: each["content"] for each in await repo.get_messages("s")}
    assert [stored[each] for each in ids] == [f"{n}" for n in range(1000)]
    assert (await repo.get_session("s"))["message_count"] == 1000


async def test_writes_of_many_tasks_are_committed_in_groups(repo):
    before = await repo.get_stats()
    await asyncio.gather(*(repo.append_message("s", "user", f"{n}") for n in range(1000)))
    after = await repo.get_stats()
    assert after["total_writes"] - before["total_writes"] == 1000
    assert after["batch_count"] - before["batch_count"] <= 100


async def test_a_task_reads_what_it_wrote(repo):
    async def agent(number: int) -> list[str]:
        await repo.create_session(f"a{number}", "cli")
        for turn in range(5):
            await repo.append_message(f"a{number}", "user", f"{number} {turn}")
        return [each["content"] for each in await repo.get_messages(f"a{number}")]

    found = await asyncio.gather(*(agent(number) for number in range(20)))
    assert found == [[f"{number} {turn}" for turn in range(5)] for number in range(20)]


async def test_a_method_that_does_more_than_write_returns_what_the_synchronous_one_does(repo):
    assert await repo.create_session("t", "cli") == "t"
    assert await repo.ensure_session("t") is None
    assert await repo.append_messages("t", []) == []
    assert await repo.set_session_title("t", "A title") is True
    assert await repo.get_session_by_title("A title") == await repo.get_session("t")
    await repo.end_session("t", "done")
    assert await repo.prune_sessions(0) == 1
    assert await repo.check() == []
    exported = await repo.export_all()
    await repo.delete_session("s")
    result = ImportResult()
    assert await repo.import_sessions(exported, result=result) is result
    assert result.sessions == 1
    await repo.optimize()


async def test_bad_arguments_raise_in_the_task_that_gave_them_and_change_nothing(repo):
    calls = [
        (InvalidArgumentError, repo.append_message("s", 1)),
        (SessionNotFoundError, repo.append_message("nobody", "user", "x")),
        (InvalidArgumentError, repo.get_messages("s", limit=-1)),
        (InvalidArgumentError, repo.prune_sessions(-1)),
    ]
    good = [repo.append_message("s", "user", "x") for _ in range(20)]
    found = await asyncio.gather(*(call for _, call in calls), *good, return_exceptions=True)
    assert [type(each) for each in found[: len(calls)]] == [error for error, _ in calls]
    assert len(set(found[len(calls) :])) == await repo.message_count() == 20


async def test_a_repository_that_is_read_only_refuses_each_write(database):
    async with await AsyncSessionRepository.open(database, read_only=True) as repo:
        found = await asyncio.gather(
            *(repo.create_session(f"{n}", "cli") for n in range(3)), return_exceptions=True
        )
        assert [type(each) for each in found] == [StoreReadOnlyError] * 3


async def test_a_closed_repository_refuses_every_call(repo):
    await repo.close()
    await repo.close()
    for call in (
        repo.append_message("s", "user", "x"),
        repo.get_messages("s"),
        repo.get_stats(),
        repo.run(lambda tx: tx.message_count()),
        repo.read(lambda repository: repository.message_count()),
        anext(repo.iter_export()),
    ):
        with pytest.raises(StoreClosedError):
            await call


async def test_leases_and_meta_are_awaited_too(repo):
    taken = await asyncio.gather(*(repo.leases.acquire("job", f"{n}", 60) for n in range(20)))
    holder = await repo.leases.holder("job")
    assert [number for number, took in enumerate(taken) if took] == [int(holder)]
    assert [each["name"] for each in await repo.leases.held()] == ["job"]
    assert await repo.leases.release("job", holder) is True
    await repo.meta.set("position", {"page": 3})
    assert await repo.meta.get("position") == {"page": 3}
    assert await repo.meta.items("pos") == [("position", {"page": 3})]
    assert await repo.meta.delete("position") is True
    with pytest.raises(InvalidArgumentError):
        await repo.leases.acquire("job", "me", -1)


# --- run ------------------------------------------------------------------------------------------


async def test_what_a_function_does_in_a_transaction_is_stored_together_or_not_at_all(repo):
    def both(tx: Transaction) -> int:
        tx.append_message("s", "user", "one")
        return tx.append_message("s", "user", "two")

    def fails(tx: Transaction) -> None:
        both(tx)
        raise KeyError("no")

    assert await repo.run(both) == 2
    with pytest.raises(KeyError):
        await repo.run(fails)
    assert await repo.message_count("s") == 2


async def test_a_transaction_ends_with_its_function(repo):
    kept = await repo.run(lambda tx: tx)
    with pytest.raises(TransactionOverError):
        kept.message_count()


async def test_a_function_that_returns_an_awaitable_is_refused_and_nothing_is_stored(repo):
    async def later(tx: Transaction) -> None:
        tx.append_message("s", "user", "x")

    with pytest.raises(InvalidArgumentError, match="awaitable"):
        await repo.run(later)
    assert await repo.message_count() == 0


async def test_several_reads_run_in_one_way_to_a_thread_and_raise_in_the_task(repo):
    await repo.append_message("s", "user", "one")

    def read(repository: SessionRepository) -> tuple[int, list[str], int]:
        texts = [each["content"] for each in repository.get_messages("s")]
        return repository.message_count("s"), texts, threading.get_ident()

    count, texts, thread = await repo.read(read)
    assert (count, texts) == (1, ["one"])
    assert thread != threading.get_ident()
    with pytest.raises(InvalidArgumentError, match="limit"):
        await repo.read(lambda repository: repository.get_messages("s", limit=-1))
    with pytest.raises(InvalidArgumentError, match="awaitable"):
        await repo.read(lambda _: repo.message_count())


async def test_a_function_may_raise_whatever_it_likes(repo):
    def raising(error: BaseException):
        def function(_: Transaction) -> None:
            raise error

        return function

    with pytest.raises(RuntimeError, match="StopIteration"):
        await repo.run(raising(StopIteration()))
    with pytest.raises(asyncio.CancelledError):
        await repo.run(raising(asyncio.CancelledError()))
    assert await repo.run(lambda tx: tx.session_count()) == 1


async def test_a_function_in_a_thread_sees_the_context_variables_of_the_task(repo):
    request = contextvars.ContextVar("request")
    request.set("42")
    assert await repo.run(lambda _: request.get()) == "42"


# --- export ---------------------------------------------------------------------------------------


async def test_an_export_is_iterated_a_session_at_a_time(repo):
    await asyncio.gather(*(repo.create_session(f"{n}", "cli") for n in range(5)))
    found = [each["id"] async for each in repo.iter_export()]
    assert found == [each["id"] for each in await repo.export_all()]


async def test_an_export_that_is_left_gives_its_connection_back(repo):
    await repo.create_session("t", "cli")
    async for _ in repo.iter_export():
        break
    export = repo.iter_export()
    await anext(export)
    await export.aclose()
    await export.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(export)
    await happens(lambda: repo.synchronous._store._readers.streams == [])


async def test_an_export_checks_its_arguments_when_it_is_called(repo):
    with pytest.raises(InvalidArgumentError):
        repo.iter_export(3)


# --- opening --------------------------------------------------------------------------------------


async def test_opening_raises_what_the_synchronous_class_raises(tmp_path: Path):
    (tmp_path / "other.db").write_bytes(b"not a database" * 100)
    with pytest.raises(SchemaError):
        await AsyncSessionRepository.open(tmp_path / "other.db")
    with pytest.raises(InvalidArgumentError, match="pool_size"):
        await AsyncSessionRepository.open(tmp_path / "state.db", pool_size=0)
    with pytest.raises(InvalidArgumentError, match="open"):
        AsyncSessionRepository(tmp_path / "state.db")
    assert not (tmp_path / "state.db").exists()


async def test_a_repository_that_was_open_serves_tasks_and_threads_alike(database):
    with SessionRepository(database) as repository:
        repo = AsyncSessionRepository(repository)
        repository.create_session("s", "cli")
        await asyncio.gather(
            *(repo.append_message("s", "user", f"{n}") for n in range(50)),
            *(asyncio.to_thread(repository.append_message, "s", "user", "x") for _ in range(50)),
        )
        assert await repo.message_count("s") == repository.message_count("s") == 100
        assert repo.synchronous is repository
        assert repr(repo) == f"Async{repository!r}"
        assert (repo.url, repo.engines) == (repository.url, repository.engines)
        await repo.close()


async def test_no_call_runs_in_the_thread_of_the_loop(repo, monkeypatch):
    seen = set()
    store = type(repo.synchronous._store)
    for name in ("read", "write", "write_many", "transaction", "reading"):
        original = getattr(store, name)

        def watched(*args, original=original, **kwargs):
            seen.add(threading.get_ident())
            return original(*args, **kwargs)

        monkeypatch.setattr(store, name, watched)
    await repo.append_message("s", "user", "x")
    await repo.get_messages("s")
    await repo.get_stats()
    await repo.run(lambda tx: tx.session_count())
    [each async for each in repo.iter_export()]
    assert len(seen) >= 4
    assert threading.get_ident() not in seen
