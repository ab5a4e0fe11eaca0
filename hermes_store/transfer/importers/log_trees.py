"""Conversations that are trees of messages: which session each message belongs to.

A session follows one branch. Where a message has several answers, the first one goes on in its
session, each other one begins a session of its own: a branch of that one. Messages that are stored
keep their session, so that a tree that grew gives only new messages to the sessions there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from hermes_store.transfer.importers.log_fields import id_of, made_id
from hermes_store.transfer.importers.log_sessions import Message, Session, session

__all__ = ["Branch", "begin", "branches", "session_of"]


class Branch(NamedTuple):
    """A session of a tree."""

    session_id: str
    parent: str | None
    """The session that it branches off; None for the first one."""
    behind: str | None
    """The message that its first message answers."""
    nodes: list[str]


def begin(branch: Branch, messages: Sequence[Message], created: float | None) -> float | None:
    """When a branch began, with its first message; the tree was `created`."""
    times = _times(messages)
    return times[0] if branch.parent and times else created


def session_of(
    source: str,
    branch: Branch,
    messages: Sequence[Message],
    *,
    created: float | None,
    extra: Mapping[str, Any],
    **columns: Any,
) -> Session:
    """The session of a branch; `extra` is what the tree has no column for."""
    times, begun = _times(messages), begin(branch, messages, created)
    return session(
        source,
        branch.session_id,
        partial(iter, messages),
        started=begun if begun is not None else min(times, default=None),
        ended=max(times, default=None),
        extra={"behind": branch.behind} if branch.parent else extra,
        parent_session_id=branch.parent,
        link="branch" if branch.parent else None,
        **columns,
    )


def _times(messages: Sequence[Message]) -> list[float]:
    return [time for each in messages if (time := each["timestamp"]) is not None]


def branches(
    conversation: str,
    parents: Mapping[str, str | None],
    current: str | None,
    known: Mapping[str, str],
) -> list[Branch]:
    """The sessions of a tree, parents first.

    `parents` has each node in the order in which siblings came. The branch that ends at `current`
    is the conversation itself, unless `known`, the session of each stored node, says otherwise.
    """
    parents = {node: parent if parent in parents else None for node, parent in parents.items()}
    found: dict[str, Branch] = {}
    home: dict[str, str] = {}
    went_on = _went_on(parents, known)
    for node, parent in _from_the_roots(parents, current):
        before = None if parent is None else home[parent]
        name = known.get(node) or _home(conversation, node, parent, before, went_on)
        went_on.add(parent)
        home[node] = name
        if name not in found:
            branch_of = None if name == conversation else before or conversation
            found[name] = Branch(name, branch_of, parent, [])
        found[name].nodes.append(node)
    return list(found.values())


def _home(
    conversation: str, node: str, parent: str | None, before: str | None, went_on: set[str | None]
) -> str:
    if parent not in went_on:
        return before or conversation
    name = f"{conversation}/{node}"
    return name if id_of(name) else made_id("branch", name)


def _went_on(parents: Mapping[str, str | None], known: Mapping[str, str]) -> set[str | None]:
    """The stored messages behind which their session goes on; None: it has a root."""
    return {
        parent
        for node, parent in parents.items()
        if node in known and (parent is None or known.get(parent) == known[node])
    }


def _from_the_roots(
    parents: Mapping[str, str | None], current: str | None
) -> Iterator[tuple[str, str | None]]:
    """Each node after its parent. A parent that is not there, or is in a circle, is none."""
    followed = set(_up_from(current, parents))
    children: dict[str | None, list[str]] = {}
    for node, parent in parents.items():
        children.setdefault(parent, []).append(node)
    for siblings in children.values():
        siblings.sort(key=lambda node: node not in followed)
    seen: set[str] = set()
    for start in (*children.get(None, ()), *parents):
        waiting: list[tuple[str, str | None]] = [(start, None)]
        while waiting:
            node, parent = waiting.pop()
            if node not in seen:
                seen.add(node)
                yield node, parent
                waiting += [(child, node) for child in reversed(children.get(node, ()))]


def _up_from(node: str | None, parents: Mapping[str, str | None]) -> Iterable[str]:
    seen: dict[str, None] = {}
    while node is not None and node in parents and node not in seen:
        seen[node] = None
        node = parents[node]
    return seen
