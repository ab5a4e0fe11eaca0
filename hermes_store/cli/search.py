"""`search`: find messages by what was said, with the hit in its place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from hermes_store.cli import output
from hermes_store.cli.opening import find_session, open_to_read
from hermes_store.cli.options import Options

__all__ = ["search_command"]

# Private-use characters: what is stored may hold ">>>" (Python prompts do).
_START, _END = "\ue000", "\ue001"


def _moment(_ctx: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    """Unix seconds of a local date, with or without a time."""
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError) as exc:
        raise click.BadParameter(
            f"{value!r} is no date; write 2026-03-01 or 2026-03-01T14:30"
        ) from exc


@click.command("search", context_settings={"ignore_unknown_options": True})
@click.argument("query", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--source", multiple=True, help="Only this source. May be repeated.")
@click.option("--exclude-source", multiple=True, help="Leave out a source. May be repeated.")
@click.option("--role", multiple=True, help="Only user, assistant, tool or system.")
@click.option("--session", help="Only within this session: id, beginning of one, or title.")
@click.option("--exclude-session", help="Leave out this session.")
@click.option("--since", callback=_moment, help="Not before this date (2026-03-01T14:30).")
@click.option("--until", callback=_moment, help="Before this date.")
@click.option(
    "--sort",
    type=click.Choice(["relevance", "newest", "oldest"]),
    default="relevance",
    show_default=True,
)
@click.option("-n", "--limit", type=click.IntRange(min=1), default=10, show_default=True)
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Skip so many.")
@click.option("--context", is_flag=True, help="Also the messages before and after each hit.")
@click.pass_obj
def search_command(options: Options, /, query: tuple[str, ...], **filters: Any) -> None:
    """Find messages that hold all words of QUERY.

    Also "exact phrases" (the shell needs its own quotes around), prefix*, and between words AND,
    OR, NOT and parentheses. Everything else is looked for as written: don't, foo/bar.py:42, C#,
    rm -rf, 记忆. Put -- before a query that looks like an option of this command.

    --json prints a list of objects; their snippets mark hits as >>>hit<<<.
    """
    with_context = filters.pop("context")
    markers = (">>>", "<<<") if options.as_json else (_START, _END)
    with open_to_read(options) as repo:
        for name in ("session", "exclude_session"):
            if filters[name]:
                filters[name] = find_session(repo, filters[name])
        hits = repo.search_messages(
            " ".join(query),
            source_filter=list(filters["source"]),
            exclude_sources=list(filters["exclude_source"]),
            role_filter=list(filters["role"]),
            session_id=filters["session"],
            exclude_session_id=filters["exclude_session"],
            since=filters["since"],
            until=filters["until"],
            sort=filters["sort"],
            limit=filters["limit"],
            offset=filters["offset"],
            markers=markers,
        )
    if options.as_json:
        output.print_json(hits)
        return
    if not hits:
        output.note("no message found")
    out = output.console()
    for hit in hits:
        _print_hit(out, hit, with_context=with_context)


def _print_hit(out: Console, hit: Mapping[str, Any], *, with_context: bool) -> None:
    title = output.plain(hit["title"] or "")
    head = Text()
    head.append(output.plain(hit["session_id"]), style="cyan")
    head.append(f"  {output.plain(hit['role'])}", style="bold")
    head.append(f"  {output.when(hit['timestamp'])}  {output.plain(hit['source'])}", style="dim")
    head.append(f"  {title}")
    out.print(head, overflow="ellipsis", no_wrap=True)
    out.print(_highlighted(out, hit["snippet"]), soft_wrap=not out.is_terminal)
    if with_context:
        for neighbour in hit["context"]:
            line = f"  {neighbour['role']}: {output.in_one_line(neighbour['content'])}"
            out.print(Text(line, style="dim"), soft_wrap=not out.is_terminal)
    out.print()


def _highlighted(out: Console, snippet: str) -> Text:
    """The snippet with its hits in bold; where there is no bold, marked as >>>hit<<<."""
    snippet = output.in_one_line(snippet)
    if not out.is_terminal:
        return Text(snippet.replace(_START, ">>>").replace(_END, "<<<"))
    text = Text()
    for number, piece in enumerate(snippet.split(_START)):
        hit, _, rest = piece.partition(_END) if number else ("", "", piece)
        text.append(hit, style="bold yellow")
        text.append(rest)
    return text
