"""`search`: find messages by what was said, with the hit in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from hermes_store import SessionRepository
from hermes_store.cli import output
from hermes_store.cli.choosing import choosing_sessions
from hermes_store.cli.completion import complete_roles, complete_sessions, complete_sources
from hermes_store.cli.names import check_roles, check_source, find_session, refuse_mistyped
from hermes_store.cli.opening import open_to_read
from hermes_store.cli.options import Options
from hermes_store.cli.text import in_one_line, one_line
from hermes_store.cli.times import TIME
from hermes_store.records import SearchHit
from hermes_store.values.highlights import MARKERS, parts

__all__ = ["marked", "search_command"]


@click.command("search")
@click.argument("query", nargs=-1, required=True)
@click.option(
    "--source",
    multiple=True,
    shell_complete=complete_sources,
    help="Only this source. May be repeated.",
)
@click.option(
    "--exclude-source",
    multiple=True,
    shell_complete=complete_sources,
    help="Leave out a source. May be repeated.",
)
@click.option(
    "--role",
    multiple=True,
    shell_complete=complete_roles,
    help="Only user, assistant, tool or system. May be repeated.",
)
@click.option(
    "--session",
    shell_complete=complete_sessions,
    help="Only within this session: id, beginning of one, or title.",
)
@click.option("--exclude-session", shell_complete=complete_sessions, help="Leave out this session.")
@click.option("--since", type=TIME, help="Said at this time or later: 7d, yesterday, 2026-03-01.")
@click.option("--until", type=TIME, help="Said before this time.")
@click.option(
    "--sort",
    type=click.Choice(["relevance", "newest", "oldest"]),
    default="relevance",
    show_default=True,
)
@click.option("-n", "--limit", type=click.IntRange(min=1), default=10, show_default=True)
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Skip the first N.")
@click.option("--context", is_flag=True, help="Also the messages before and after each hit.")
@choosing_sessions(archived=None, of_messages=True)
@click.pass_obj
def search_command(options: Options, /, query: tuple[str, ...], **asked: Any) -> None:
    """Find messages that hold all words of QUERY.

    Also "exact phrases" (the shell needs its own quotes around), prefix*, and between words AND,
    OR, NOT and parentheses. Everything else is looked for as written: don't, foo/bar.py:42, C#,
    记忆. What begins with a hyphen needs -- before it: search -- rm -rf.

    A hit says the id of its message: 'show SESSION --around ID' prints what was said around it.

    --json prints a list of objects; their snippets mark hits as >>>hit<<<.
    """
    markers = (">>>", "<<<") if options.as_json else MARKERS
    with open_to_read(options) as repo:
        hits = _found(repo, " ".join(query), asked, markers)
    shown = hits[: asked["limit"]]
    if options.as_json:
        output.print_json(shown)
        return
    out = output.console()
    for hit in shown:
        _print_hit(out, hit, with_context=asked["context"])
    _note_page(asked["offset"] + len(shown), bool(shown), more=len(hits) > len(shown))


def _found(
    repo: SessionRepository, query: str, asked: Mapping[str, Any], markers: tuple[str, str]
) -> list[SearchHit]:
    """Return the hits of a page, and one more when there are more."""
    check_source(repo, asked["source"])
    refuse_mistyped(repo, asked["exclude_source"])
    check_roles(asked["role"])
    within, without = asked["session"], asked["exclude_session"]
    return repo.search_messages(
        query,
        source_filter=asked["source"],
        exclude_sources=asked["exclude_source"],
        role_filter=asked["role"],
        session_id=find_session(repo, within) if within else None,
        exclude_session_id=find_session(repo, without) if without else None,
        since=asked["since"],
        until=asked["until"],
        sort=asked["sort"],
        limit=asked["limit"] + 1,
        offset=asked["offset"],
        markers=markers,
        filter=asked["which"],
    )


def _note_page(end: int, any_shown: bool, *, more: bool) -> None:
    if more:
        output.note(f"there are more: --offset {end} goes on")
    elif not any_shown:
        output.note(f"no message found after the first {end}" if end else "no message found")


def _print_hit(out: Console, hit: SearchHit, *, with_context: bool) -> None:
    head = Text()
    head.append(one_line(hit["session_id"]), style="cyan")
    head.append(f"  message {hit['id']}  {one_line(hit['role'])}", style="bold")
    head.append(f"  {output.when(hit['timestamp'])}  {one_line(hit['source'])}", style="dim")
    head.append(f"  {in_one_line(hit['title'])}")
    out.print(head, overflow="ellipsis", no_wrap=True, soft_wrap=not out.is_terminal)
    _print_indented(out, _highlighted(out, hit["snippet"]))
    if with_context:
        for neighbour in hit["context"]:
            line = f"  {one_line(neighbour['role'])}: {in_one_line(neighbour['content'])}"
            _print_indented(out, Text(line, style="dim"))
    out.print()


def _print_indented(out: Console, text: Text) -> None:
    """Print `text` two columns in, also where it is wrapped: it never looks like a hit's head."""
    if out.is_terminal:
        out.print(Padding(text, (0, 0, 0, 2), expand=False))
    else:
        out.print(Text("  ") + text, soft_wrap=True)


def _highlighted(out: Console, snippet: str) -> Text:
    """The snippet with its hits in bold; where there is no bold, marked as >>>hit<<<."""
    if out.is_terminal:
        return marked(snippet)
    shown = (f">>>{text}<<<" if is_hit else text for text, is_hit in parts(in_one_line(snippet)))
    return Text("".join(shown))


def marked(snippet: str) -> Text:
    """The snippet in one line, with what is between `MARKERS` in bold."""
    shown = Text()
    for text, is_hit in parts(in_one_line(snippet)):
        shown.append(text, style="bold yellow" if is_hit else None)
    return shown
