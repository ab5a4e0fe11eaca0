"""What a shell offers after the Tab key: sources, ids and titles of the store in question."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from hermes_store.cli.options import Options
from hermes_store.cli.text import in_one_line, is_plain

if TYPE_CHECKING:
    from hermes_store import SessionRepository
    from hermes_store.records import SessionListing, SessionMatch

__all__ = ["complete_keys", "complete_roles", "complete_sessions", "complete_sources"]

_MOST = 50
_SPECIAL = re.compile(r"([^\w@%+=:,./-])")

Items = list[CompletionItem]


def complete_sources(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Items:
    """Offer the sources of the store's sessions."""
    return _offered(ctx, lambda options: _sources(options, incomplete))


def complete_sessions(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Items:
    """Offer ids and titles that begin with what is typed; each says what it belongs to."""
    return _offered(ctx, lambda options: _sessions(options, incomplete))


def complete_roles(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> Items:
    """Offer the roles of messages."""
    from hermes_store.cli.names import ROLES

    return [CompletionItem(name) for name in ROLES if name.startswith(incomplete)]


def complete_keys(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Items:
    """Offer the keys of meta that begin with what is typed."""
    return _offered(ctx, lambda options: _keys(options, incomplete))


def _offered(
    ctx: click.Context, find: Callable[[Options], Iterator[tuple[str, str | None]]]
) -> Items:
    """Return what is found; nothing, without a word, where no store can be read."""
    from hermes_store.errors import HermesStoreError

    try:
        found = list(find(ctx.ensure_object(Options)))
    except (click.ClickException, HermesStoreError, OSError):
        return []
    return [CompletionItem(_quoted(value), help=about) for value, about in found if is_plain(value)]


def _quoted(value: str) -> str:
    """Return `value` for the shell that asks: bash takes it as it is, others quote by themselves.

    click writes bash's script so that each line of its answer becomes a word.
    """
    asks = os.environ.get("_HERMES_STORE_COMPLETE", "")
    return _SPECIAL.sub(r"\\\1", value) if asks.startswith("bash") else value


def _sources(options: Options, incomplete: str) -> Iterator[tuple[str, str | None]]:
    from hermes_store.cli.opening import open_to_read

    with open_to_read(options) as repo:
        for row in repo.usage_by_source():
            if row["source"].startswith(incomplete):
                yield row["source"], None


def _keys(options: Options, incomplete: str) -> Iterator[tuple[str, str | None]]:
    from hermes_store.cli.opening import open_to_read

    with open_to_read(options) as repo:
        for key, _ in repo.meta.items(incomplete)[:_MOST]:
            yield key, None


def _sessions(options: Options, incomplete: str) -> Iterator[tuple[str, str | None]]:
    from hermes_store.cli.opening import open_to_read

    with open_to_read(options) as repo:
        for each in _meant(repo, incomplete):
            session_id, title = each["id"], each["title"]
            if session_id.startswith(incomplete):
                yield session_id, in_one_line(title) or None
            if title and incomplete and title.startswith(incomplete):
                yield title, session_id


def _meant(repo: SessionRepository, incomplete: str) -> Iterable[SessionMatch | SessionListing]:
    if incomplete:
        return repo.find_sessions(incomplete, _MOST)
    return repo.list_sessions_rich(limit=_MOST, order_by_last_active=True)
