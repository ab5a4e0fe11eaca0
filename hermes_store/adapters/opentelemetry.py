"""Telemetry by OpenTelemetry: `instrument(repository)`. Needs the extra `otel`.

A public call is a span in the thread or task of its caller. A commit is a span of its own, linked
to the calls whose writes it stored, because one thread commits the writes of several. No text of a
message, a title or an error is recorded.
"""

from __future__ import annotations

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from hermes_store.adapters.spans import is_watched, unwatched, watched
from hermes_store.adapters.telemetry import Telemetry
from hermes_store.asynchronous.repository import AsyncSessionRepository
from hermes_store.errors import InvalidArgumentError
from hermes_store.execution.store import Store
from hermes_store.repository import SessionRepository

__all__ = ["instrument", "uninstrument"]


def instrument(
    repository: SessionRepository | AsyncSessionRepository,
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
) -> None:
    """Record spans and metrics of a repository, with the program's providers or those given.

    Commits of other repositories of this process on the same database are recorded, too: they
    share a writer. Raises `InvalidArgumentError` for a repository that is instrumented already.
    """
    if is_watched(repository):
        raise InvalidArgumentError("repository", "is instrumented already", "uninstrument it first")
    store = _store(repository)
    telemetry = Telemetry(store, tracer_provider, meter_provider)
    store.figures.observers += (telemetry,)
    watched(repository, telemetry)


def uninstrument(repository: SessionRepository | AsyncSessionRepository) -> None:
    """Record nothing of a repository any more. Nothing happens when nothing was recorded."""
    if is_watched(repository):
        telemetry, figures = unwatched(repository), _store(repository).figures
        figures.observers = tuple(each for each in figures.observers if each is not telemetry)


def _store(repository: SessionRepository | AsyncSessionRepository) -> Store:
    if isinstance(repository, AsyncSessionRepository):
        repository = repository.synchronous
    if not isinstance(repository, SessionRepository):
        remedy = "give a SessionRepository or an AsyncSessionRepository"
        raise InvalidArgumentError("repository", f"{repository!r} is none", remedy)
    return repository._store  # noqa: SLF001 - the same store, observed
