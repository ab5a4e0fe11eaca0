"""What a chain is in a list: its tip, with the beginning, sums and preview of all its parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import select

from hermes_store.database.connection import OpenConnection
from hermes_store.database.given_texts import as_parameter, is_given
from hermes_store.database.statements import Statement
from hermes_store.models.links import COMPRESSION
from hermes_store.models.stored import names, sessions
from hermes_store.queries import previews
from hermes_store.queries.chains import Chain
from hermes_store.queries.lineage import chains_of
from hermes_store.queries.sessions import dicts, readable

__all__ = ["join_parts"]

Listing = dict[str, Any]

_COSTS = ("estimated_cost_usd", "actual_cost_usd")
_COUNTS = names(sessions, "whole")
_OF_PARTS = ("started_at", *_COUNTS, *_COSTS)
_PARTS = Statement(
    select(sessions.c.id, *(sessions.c[name] for name in _OF_PARTS)).where(
        is_given(sessions.c.id, "ids")
    )
)


def join_parts(connection: OpenConnection, listings: list[Listing], roots: Sequence[str]) -> None:
    """Make the listing of a tip, or of one of `roots`, that of its conversation."""
    if not roots and COMPRESSION not in {each["link"] for each in listings}:
        return
    going_on = set(roots)
    places = {
        each["id"]: place
        for place, each in enumerate(listings)
        if each["link"] == COMPRESSION or each["id"] in going_on
    }
    chains = {places[each]: chain for each, chain in chains_of(connection, [*places]).items()}
    _put_tips(connection, listings, chains)
    sums = _sums(connection, chains.values())
    first_words = _previews(connection, chains.values())
    for place, chain in chains.items():
        listings[place] |= {**sums.get(chain.tip, {}), "preview": first_words[chain.tip]}


def _put_tips(
    connection: OpenConnection, listings: list[Listing], chains: dict[int, Chain]
) -> None:
    """Put the tip in the place of a root."""
    places = {chain.tip: place for place, chain in chains.items()}
    missing = [tip for tip, place in places.items() if listings[place]["id"] != tip]
    if not missing:
        return
    names = tuple(name for name in listings[0] if name != "preview")
    rows = _rows(names).run(connection, ids=as_parameter(missing)).fetchall()
    for listing in dicts(names).of(rows):
        listings[places[listing["id"]]] = listing


@lru_cache(maxsize=8)
def _rows(names: tuple[str, ...]) -> Statement:
    return Statement(select(readable(names)).where(is_given(sessions.c.id, "ids")))


def _sums(connection: OpenConnection, chains: Iterable[Chain]) -> dict[str, Listing]:
    """The begin and the sums of each chain, by its tip.

    On a server a session may be deleted from one statement to the next: then it does not count,
    and without its root a chain has none.
    """
    ids = [each for chain in chains for each in chain.ids]
    rows = _PARTS.run(connection, ids=as_parameter(ids)).fetchall()
    parts = {row[0]: dict(zip(_OF_PARTS, row[1:], strict=True)) for row in rows}
    return {
        chain.tip: _sum_of(parts[chain.root], [parts[each] for each in chain.ids if each in parts])
        for chain in chains
        if chain.root in parts
    }


def _sum_of(root: Listing, parts: Sequence[Listing]) -> Listing:
    return {
        "started_at": root["started_at"],
        **{name: _sum(each[name] for each in parts) or 0 for name in _COUNTS},
        **{name: _sum(each[name] for each in parts) for name in _COSTS},
    }


def _sum(numbers: Iterable[Any]) -> Any:
    """The sum of what is known; None when nothing is. Other tools stored texts as well."""
    known = [each for each in numbers if isinstance(each, (int, float))]
    return sum(known) if known else None


def _previews(connection: OpenConnection, chains: Iterable[Chain]) -> dict[str, str]:
    """The preview of each chain, by its tip: that of its first part that has one."""
    found = previews.of_sessions(connection, [chain.root for chain in chains])
    silent = [chain for chain in chains if not found.get(chain.root)]
    if silent:
        found |= previews.of_sessions(connection, [each for c in silent for each in c.path])
    return {
        chain.tip: next((found[each] for each in chain.path if found.get(each)), "")
        for chain in chains
    }
