"""Usage: the tokens and costs of sessions, and of each model and task in them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from hermes_store import Transaction
from hermes_store.adapters.hermes_agent.columns import Row
from hermes_store.adapters.hermes_agent.import_checks import count_of, number_or
from hermes_store.adapters.hermes_agent.sessions import Sessions
from hermes_store.adapters.hermes_agent.taken import shortened
from hermes_store.adapters.hermes_agent.unknown import kept
from hermes_store.errors import SessionNotFoundError
from hermes_store.models.stored import sessions
from hermes_store.values import GREATEST_COUNT, MOST_DOLLARS

__all__ = ["Usage"]

_ROUTE = ("model", "billing_provider", "billing_base_url", "billing_mode")
_KINDS = ("input", "output", "cache_read", "cache_write", "reasoning")


class Usage(Sessions):
    """What a session used, as sums and by model."""

    def update_token_counts(
        self,
        session_id: str,
        input_tokens: int = 0,
        output_tokens: int = 0,
        model: str | None = None,
        cache_read_tokens: int = 0,
        cache_write_tokens: int = 0,
        reasoning_tokens: int = 0,
        estimated_cost_usd: float | None = None,
        actual_cost_usd: float | None = None,
        cost_status: str | None = None,
        cost_source: str | None = None,
        pricing_version: str | None = None,
        billing_provider: str | None = None,
        billing_base_url: str | None = None,
        billing_mode: str | None = None,
        api_call_count: int = 0,
        absolute: bool = False,
        **more: Any,
    ) -> None:
        """Add tokens and costs, or put them in place of the stored; makes a missing session.

        What is added is also noted for its model, where `absolute` knows only sums. The first
        model and provider that used anything are those of the session.
        """
        if not session_id:
            return
        tokens = (input_tokens, output_tokens, cache_read_tokens, cache_write_tokens)
        counts = _counts(*tokens, reasoning_tokens)
        costs: Row = {"estimated_cost_usd": _cost(estimated_cost_usd)}
        costs["actual_cost_usd"] = _cost(actual_cost_usd)
        route = _route(model, billing_provider, billing_base_url, billing_mode)
        facts: Row = {
            "cost_status": cost_status,
            "cost_source": cost_source,
            "pricing_version": pricing_version,
        }
        calls = count_of(api_call_count)
        used = any([*counts.values(), calls, *costs.values()])
        with self._repo.transaction() as tx:
            session = _made(tx, session_id, model)
            _set_calls(tx, session, calls, absolute=absolute)
            if used:
                _take_first_route(tx, session, route)
                facts |= route
            if used and not absolute:
                known = {name: route[name] or session[name] for name in _ROUTE}
                _note(tx, session_id, None, calls, counts, costs, known)
            if absolute:  # a sum that is not known is none
                costs["estimated_cost_usd"] = costs["estimated_cost_usd"] or 0.0
            tx.update_token_counts(session_id, **counts, **costs, **facts, absolute=absolute)
            if found := kept("update_token_counts", more):
                tx.update_session(session_id, extra={**(session["extra"] or {}), **found})

    def record_auxiliary_usage(
        self,
        session_id: str,
        task: str,
        *,
        model: str | None = None,
        billing_provider: str | None = None,
        billing_base_url: str | None = None,
        input_tokens: int = 0,
        output_tokens: int = 0,
        cache_read_tokens: int = 0,
        cache_write_tokens: int = 0,
        reasoning_tokens: int = 0,
        estimated_cost_usd: float | None = None,
        **more: Any,
    ) -> None:
        """Note what work beside the conversation used; the session's own sums stay."""
        if not session_id or not task:
            return
        tokens = (input_tokens, output_tokens, cache_read_tokens, cache_write_tokens)
        counts = _counts(*tokens, reasoning_tokens)
        costs = {"estimated_cost_usd": _cost(estimated_cost_usd)}
        route = _route(model or "unknown", billing_provider, billing_base_url, None)
        with self._repo.transaction() as tx:
            _made(tx, session_id, None)
            _note(tx, session_id, shortened(task), 1, counts, costs, route)
        self._keep("record_auxiliary_usage", session_id, more)


def _counts(*tokens: int | None) -> Row:
    return {f"{kind}_tokens": count_of(n) for kind, n in zip(_KINDS, tokens, strict=True)}


def _cost(value: Any) -> float | None:
    """US dollars; None for what cannot be an amount."""
    dollars = number_or(value, None, float)
    return dollars if dollars is not None and 0 <= dollars <= MOST_DOLLARS else None


def _route(*names: str | None) -> Row:
    short = [name and shortened(name) for name in names]
    return dict(zip(_ROUTE, short, strict=True))


def _made(tx: Transaction, session_id: str, model: str | None) -> Any:
    """The session, which is made when it is not there."""
    session = tx.get_session(session_id)
    if session is None or (model and session["model"] is None):
        tx.create_session(session_id, "unknown" if session is None else session["source"], model)
        session = tx.get_session(session_id)
    if session is None:
        raise SessionNotFoundError(session_id)
    return session


def _set_calls(tx: Transaction, session: Any, calls: int, *, absolute: bool) -> None:
    before = session["api_call_count"]
    now = calls if absolute else min(before + calls, max(before, GREATEST_COUNT))
    if now != before:
        tx.update_session(session["id"], api_call_count=now)


def _take_first_route(tx: Transaction, session: Any, route: Row) -> None:
    """What uses something first says which model it is: the one asked for may not have answered."""
    known = route["model"] and route["billing_provider"]
    if (
        known
        and not session["api_call_count"]
        and any(session[name] != route[name] for name in _ROUTE[:2])
    ):
        tx.execute(update(sessions).where(sessions.c.id == session["id"]).values(route))
        session.update(route)


def _note(
    tx: Transaction,
    session_id: str,
    task: str | None,
    calls: int,
    counts: Row,
    costs: Row,
    route: Row,
) -> None:
    tx.record_usage(
        session_id,
        task=task,
        calls=calls,
        model=route["model"] or "unknown",
        provider=route.get("billing_provider"),
        base_url=route.get("billing_base_url"),
        mode=route.get("billing_mode"),
        **counts,
        **costs,
    )
