"""`lineage`: what a session came from, where it went on, and who worked for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from hermes_store.cli import output
from hermes_store.cli.completion import complete_sessions
from hermes_store.cli.names import find_session
from hermes_store.cli.opening import open_to_read
from hermes_store.cli.options import Options
from hermes_store.cli.text import in_one_line, one_line

__all__ = ["lineage_command"]

_STEP = "  "
_DEEPEST = 12
"""A chain steps in no further than this: a thousand links would leave no room for the words."""


@click.command("lineage")
@click.argument("session", nargs=-1, required=True, shell_complete=complete_sessions)
@click.pass_obj
def lineage_command(options: Options, session: tuple[str, ...]) -> None:
    """Print the sessions that are joined to SESSION, each below its parent, and mark the tip.

    SESSION is an id, a unique beginning of one, a title, or words of one. --json prints an object:
    root, tip and lineage of the conversation, and all sessions.
    """
    with open_to_read(options) as repo:
        session_id = find_session(repo, " ".join(session))
        lineage = repo.get_lineage(session_id)
        rows = repo.list_lineage(session_id, include="all")
    if options.as_json:
        ends = {"root": lineage[0], "tip": lineage[-1], "lineage": lineage}
        output.print_json({**ends, "sessions": rows})
        return
    out = output.console()
    table = output.table("SESSION", "LINK", "TITLE", "MSGS", "STARTED", "", right=("MSGS",))
    for depth, row in _tree(rows):
        table.add_row(*_cells(depth, row, "tip" if row["id"] == lineage[-1] else ""))
    output.print_table(out, table, widest="TITLE")


def _cells(depth: int, row: Any, mark: str) -> tuple[str, ...]:
    return (
        _STEP * min(depth, _DEEPEST) + one_line(row["id"]),
        one_line(row["link"]),
        in_one_line(row["title"] or row["preview"]),
        output.count(row["message_count"]),
        output.when(row["started_at"]),
        mark,
    )


def _tree(rows: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """Each session behind its parent, with its depth; of a circle the first one begins."""
    left = {row["id"]: row for row in rows}
    below: dict[Any, list[str]] = {}
    for row in rows:
        below.setdefault(row["parent_session_id"], []).append(row["id"])
    firsts = [row["id"] for row in rows if row["parent_session_id"] not in left]
    while left:
        waiting = [(0, each) for each in reversed(firsts or [next(iter(left))])]
        firsts = []
        while waiting:
            depth, session_id = waiting.pop()
            if session_id in left:
                yield depth, left.pop(session_id)
                waiting += [(depth + 1, each) for each in reversed(below.get(session_id, []))]
