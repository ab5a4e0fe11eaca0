"""What is recorded of a store: spans of calls and of commits, and histograms."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, TracerProvider

from hermes_store import __version__
from hermes_store.execution.figures import Group
from hermes_store.execution.store import Store

__all__ = ["Telemetry"]

SCHEMA = "https://opentelemetry.io/schemas/1.33.0"
SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
"""The bounds that the semantic conventions give for `db.client.operation.duration`."""
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)


class Telemetry:
    """The observer of one repository, with its instruments."""

    def __init__(
        self, store: Store, tracers: TracerProvider | None, meters: MeterProvider | None
    ) -> None:
        self._tracer = trace.get_tracer("hermes_store", __version__, tracers, SCHEMA)
        self._where = _where(store)
        self._make_instruments(
            metrics.get_meter("hermes_store", __version__, meters, SCHEMA), weakref.ref(store)
        )

    def _make_instruments(self, meter: metrics.Meter, store: weakref.ref[Store]) -> None:
        def seconds(name: str, about: str) -> metrics.Histogram:
            return meter.create_histogram(
                name, "s", about, explicit_bucket_boundaries_advisory=SECONDS
            )

        self._duration = seconds("db.client.operation.duration", "Duration of a call.")
        self._queue_wait = seconds(
            "hermes_store.queue.wait", "From a write's call to the beginning of its group."
        )
        self._lock_wait = seconds(
            "hermes_store.lock.wait", "From the first BEGIN of a group to the one that succeeded."
        )
        self._commit = seconds("hermes_store.commit.duration", "Duration of COMMIT.")
        self._size = meter.create_histogram(
            "hermes_store.group.size",
            "{operation}",
            "Writes that one transaction committed.",
            explicit_bucket_boundaries_advisory=SIZES,
        )

        def depth(_: CallbackOptions) -> Iterable[Observation]:
            there = store()
            if there is not None:
                yield Observation(there.statistics()["pending_writes"], self._system)

        meter.create_observable_gauge(
            "hermes_store.queue.depth", [depth], "{operation}", "Writes in the queue."
        )

    @property
    def _system(self) -> dict[str, Any]:
        return {"db.system.name": self._where["db.system.name"]}

    # --- calls ----------------------------------------------------------------------------------

    @contextmanager
    def call(self, name: str, *, is_current: bool = True) -> Iterator[None]:
        """Record the block as the call of a method.

        A stream is not the current span: the block of the caller goes on between its steps.
        """
        began = time.perf_counter()
        error: BaseException | None = None
        attributes = {**self._where, "db.operation.name": name}
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        try:
            with self._current(span) if is_current else nullcontext():
                yield
        except GeneratorExit:  # the caller wants no more of a stream
            raise
        except BaseException as exc:
            error = exc
            span.set_attribute("error.type", _type(exc))
            span.set_status(Status(StatusCode.ERROR, _type(exc)))
            raise
        finally:
            self._duration.record(time.perf_counter() - began, self._kind(name, error))
            span.end()

    def _current(self, span: trace.Span) -> AbstractContextManager[trace.Span]:
        # The text of an error is not recorded: it may quote what the caller gave.
        return trace.use_span(span, record_exception=False, set_status_on_exception=False)

    def _kind(self, name: str, error: BaseException | None) -> dict[str, Any]:
        kind = {**self._system, "db.operation.name": name}
        return kind if error is None else {**kind, "error.type": _type(error)}

    # --- commits: the observer of a writer ------------------------------------------------------

    def origin(self) -> trace.SpanContext | None:
        """Return the span of the call, when there is one."""
        context = trace.get_current_span().get_span_context()
        return context if context.is_valid else None

    def committed(self, group: Group) -> None:
        """Record a commit, linked to the calls whose writes it stored."""
        self._commit.record(group.commit, self._system)
        self._lock_wait.record(group.lock_wait, self._system)
        self._size.record(len(group.turns), self._system)
        for seconds in group.queue_waits():
            self._queue_wait.record(seconds, self._system)
        ended = time.time_ns()
        span = self._tracer.start_span(
            "commit",
            Context(),
            SpanKind.CLIENT,
            {
                **self._where,
                "db.operation.name": "commit",
                "hermes_store.group.size": len(group.turns),
            },
            [Link(turn.origin) for turn in group.turns if turn.origin is not None],
            ended - int(group.commit * 1e9),
        )
        span.end(ended)


def _type(exc: BaseException) -> str:
    return type(exc).__qualname__


def _where(store: Store) -> dict[str, Any]:
    """Return the attributes that say where a database is, by the semantic conventions."""
    url = store.url
    found = {
        "db.system.name": store.backend.name,
        "db.namespace": url.database,
        "server.address": url.host,
        "server.port": url.port,
    }
    return {name: value for name, value in found.items() if value is not None}
