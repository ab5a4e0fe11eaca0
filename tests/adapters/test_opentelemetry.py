"""Telemetry: a span for each public call, linked commits, histograms, and nothing when it is off."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from sqlalchemy import URL
from support import Caller, until

from hermes_store import AsyncSessionRepository, SessionRepository
from hermes_store.adapters.opentelemetry import instrument, uninstrument
from hermes_store.errors import InvalidArgumentError, SessionNotFoundError

HISTOGRAMS = {
    "db.client.operation.duration",
    "hermes_store.queue.wait",
    "hermes_store.lock.wait",
    "hermes_store.commit.duration",
    "hermes_store.group.size",
}


class Recorded:
    """The SDK's providers, and what they exported to memory."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader])

    def spans(self, name: str | None = None) -> list[ReadableSpan]:
        found = self.exporter.get_finished_spans()
        return [each for each in found if name is None or each.name == name]

    def points(self) -> dict[str, list]:
        data = self.reader.get_metrics_data()
        metrics = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics]
        return {each.name: list(each.data.data_points) for each in metrics}


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    recorded = Recorded()
    yield recorded
    recorded.tracers.shutdown()
    recorded.meters.shutdown()


@pytest.fixture
def watch(recorded: Recorded) -> Callable[..., None]:
    def watch(repository) -> None:
        instrument(repository, tracer_provider=recorded.tracers, meter_provider=recorded.meters)

    return watch


def test_each_public_call_is_a_span_by_the_semantic_conventions(repository, watch, recorded):
    watch(repository)
    repository.create_session("s", "cli")
    assert repository.append_message("s", "user", "Hello!") == 1
    assert repository.get_messages("s")[0]["content"] == "Hello!"
    calls = [each for each in recorded.spans() if each.name != "commit"]
    assert [each.name for each in calls] == ["create_session", "append_message", "get_messages"]
    for span in calls:
        assert span.kind is SpanKind.CLIENT
        assert span.attributes["db.system.name"] == repository._store.backend.name
        assert span.attributes["db.operation.name"] == span.name
        assert span.attributes["db.namespace"] == repository.url.database
        assert span.status.status_code is StatusCode.UNSET
        if isinstance(repository.url.host, str):
            assert span.attributes["server.address"] == repository.url.host


def test_what_a_method_calls_itself_is_not_a_span(repository, watch, recorded):
    watch(repository)
    repository.ensure_session("s")
    repository.set_token_counts("s", 1, 2)
    names = [each.name for each in recorded.spans() if each.name != "commit"]
    assert names == ["ensure_session", "set_token_counts"]


def test_a_call_that_fails_says_which_error_and_quotes_nothing(repository, watch, recorded):
    watch(repository)
    with pytest.raises(SessionNotFoundError):
        repository.append_message("secret-id", "user", "secret text")
    with pytest.raises(InvalidArgumentError):
        repository.append_message("s", 1)
    for span, error in zip(
        recorded.spans("append_message"),
        ("SessionNotFoundError", "InvalidArgumentError"),
        strict=True,
    ):
        assert span.attributes["error.type"] == error
        assert span.status.status_code is StatusCode.ERROR
        assert "secret" not in span.to_json()
    durations = recorded.points()["db.client.operation.duration"]
    assert {each.attributes["error.type"] for each in durations} == {
        "SessionNotFoundError",
        "InvalidArgumentError",
    }


def test_a_call_is_a_child_of_the_caller_s_span_and_a_commit_of_none(repository, watch, recorded):
    watch(repository)
    repository.create_session("s", "cli")
    with recorded.tracers.get_tracer("program").start_as_current_span("turn") as turn:
        repository.append_message("s", "user", "x")
    call, commit = recorded.spans("append_message")[0], recorded.spans("commit")[-1]
    assert call.parent.span_id == turn.get_span_context().span_id
    assert commit.parent is None
    assert [each.context.span_id for each in commit.links] == [call.context.span_id]


def test_a_commit_is_linked_to_each_call_that_it_stored(repository, watch, recorded):
    watch(repository)
    repository.create_session("s", "cli")
    with repository.transaction():
        callers = [Caller(lambda: repository.append_message("s", "u", "x")) for _ in range(4)]
    for caller in callers:
        caller.finish()
    until(lambda: sum(len(each.links) for each in recorded.spans("commit")) == 6)
    linked = {each.context.span_id for span in recorded.spans("commit") for each in span.links}
    assert {each.context.span_id for each in recorded.spans("append_message")} <= linked
    sizes = [each.attributes["hermes_store.group.size"] for each in recorded.spans("commit")]
    assert sum(sizes) == 6


def test_a_transaction_is_a_span_with_the_calls_in_it(repository, watch, recorded):
    watch(repository)
    with repository.transaction() as transaction:
        transaction.create_session("s", "cli")
        transaction.append_message("s", "user", "x")
    block = recorded.spans("transaction")[0]
    for name in ("create_session", "append_message"):
        assert recorded.spans(name)[0].parent.span_id == block.context.span_id
    assert recorded.spans("commit")[-1].links[0].context.span_id == block.context.span_id


def test_calls_of_topics_that_are_objects_are_spans_with_their_names(repository, watch, recorded):
    watch(repository)
    assert repository.leases.acquire("job", "me", 60)
    with repository.transaction() as transaction:
        transaction.meta.set("key", 1)
    names = [each.name for each in recorded.spans() if each.name != "commit"]
    assert names == ["leases.acquire", "meta.set", "transaction"]
    uninstrument(repository)
    assert repository.meta.get("key") == 1
    assert len(recorded.spans()) == 5


def test_an_export_is_one_span_and_leaves_the_caller_s_span_alone(repository, watch, recorded):
    repository.create_session("s", "cli")
    repository.create_session("t", "cli")
    watch(repository)
    assert len([*repository.iter_export()]) == 2
    left = repository.iter_export()
    next(left)
    assert trace.get_current_span() is trace.INVALID_SPAN
    left.close()
    assert [each.status.status_code for each in recorded.spans("iter_export")] == [
        StatusCode.UNSET
    ] * 2


def test_histograms_have_the_same_figures_as_get_stats(repository, watch, recorded):
    before = repository.get_stats()
    watch(repository)
    repository.create_session("s", "cli")
    for _ in range(9):
        repository.append_message("s", "user", "x")
    uninstrument(repository)
    stats, points = repository.get_stats(), recorded.points()
    assert points.keys() >= HISTOGRAMS | {"hermes_store.queue.depth"}
    for metric, figure in (
        ("hermes_store.queue.wait", "queue_wait_seconds"),
        ("hermes_store.lock.wait", "lock_wait_seconds"),
        ("hermes_store.commit.duration", "commit_seconds"),
        ("hermes_store.group.size", "total_writes"),
    ):
        assert points[metric][0].count == 10
        assert points[metric][0].sum == pytest.approx(stats[figure] - before[figure])


def test_a_repository_that_is_not_instrumented_records_nothing(repository, watch, recorded):
    plain = type(repository)
    watch(repository)
    assert isinstance(repository, SessionRepository)
    with pytest.raises(InvalidArgumentError, match="already"):
        watch(repository)
    uninstrument(repository)
    uninstrument(repository)
    repository.create_session("s", "cli")
    assert recorded.spans() == []
    assert type(repository) is plain
    assert vars(repository).keys() == {"_store"}
    assert repository._store.figures.observers == ()


def test_an_observer_that_fails_fails_no_write(repository, caplog):
    class Failing:
        def origin(self):
            return None

        def committed(self, group):
            raise RuntimeError("no")

    repository._store.figures.observers += (Failing(),)
    repository.create_session("s", "cli")
    assert repository.session_count() == 1
    assert "observer" in caplog.text


def test_what_is_no_repository_is_refused():
    with pytest.raises(InvalidArgumentError, match="SessionRepository"):
        instrument("state.db")


def test_calls_of_tasks_are_spans_of_their_tasks_and_share_a_commit(database, watch, recorded):
    async def main() -> None:
        async with await AsyncSessionRepository.open(database) as repo:
            watch(repo)
            await repo.create_session("s", "cli")

            async def agent(number: int) -> None:
                tracer = recorded.tracers.get_tracer("program")
                with tracer.start_as_current_span(f"agent {number}"):
                    await repo.append_message("s", "user", "x")
                    await repo.get_messages("s")

            await asyncio.gather(*(agent(number) for number in range(10)))
            await repo.meta.set("key", 1)
            await repo.run(lambda tx: tx.append_message("s", "user", "y"))
            assert [each["id"] async for each in repo.iter_export()] == ["s"]
            uninstrument(repo)
            await repo.append_message("s", "user", "z")

    asyncio.run(main())
    agents = {each.context.span_id for each in recorded.spans() if "agent" in each.name}
    appends = recorded.spans("append_message")
    assert {each.parent.span_id for each in appends} == agents
    assert {each.parent.span_id for each in recorded.spans("get_messages")} == agents
    commits = recorded.spans("commit")
    shared = next(each for each in commits if len(each.links) == 10)
    assert {each.context.span_id for each in shared.links} == {
        each.context.span_id for each in appends
    }
    run = recorded.spans("run")[0]
    assert [each.context.span_id for each in commits[-1].links] == [run.context.span_id]
    assert len(recorded.spans("iter_export")) == len(recorded.spans("meta.set")) == 1


@pytest.mark.postgresql
def test_a_span_shows_no_password(postgresql_database, watch, recorded):
    with SessionRepository(postgresql_database) as repository:
        assert isinstance(repository.url, URL)
        watch(repository)
        repository.create_session("s", "cli")
    password = str(postgresql_database.password or "no password in the address")
    assert not any(password in each.to_json() for each in recorded.spans())
