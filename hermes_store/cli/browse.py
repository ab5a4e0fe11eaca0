"""`browse`: pick a conversation in the terminal."""

from __future__ import annotations

import os
import sys

import click

from hermes_store import SessionFilter
from hermes_store.cli.choosing import check_sources, choosing_sessions
from hermes_store.cli.errors import EXIT_INTERRUPTED
from hermes_store.cli.extras import needing
from hermes_store.cli.opening import open_to_read
from hermes_store.cli.options import Options

__all__ = ["browse_command"]


@click.command("browse")
@choosing_sessions(archived=False)
@click.pass_obj
def browse_command(options: Options, which: SessionFilter) -> None:
    """Pick a conversation in the terminal: type to search, enter to read, e to export.

    The options say which sessions are listed. The list has the last used first; typed words look
    for titles, then for messages. e writes the whole conversation into a file of this folder.
    Nothing can be changed here.
    """
    _require_a_terminal(options)
    with needing("browse", "textual"):
        from hermes_store.cli.browsing.app import Browser
    with open_to_read(options) as repo:
        check_sources(repo, which)
        browser = Browser(repo, which)
        browser.run()
    if browser.return_code == EXIT_INTERRUPTED:
        raise click.Abort
    if browser.return_code:
        raise click.exceptions.Exit(browser.return_code)


def _require_a_terminal(options: Options) -> None:
    both = sys.stdin.isatty() and sys.stdout.isatty()
    if options.as_json or not both or os.environ.get("TERM", "") in {"", "dumb"}:
        raise click.UsageError(
            "browse needs a terminal that it can draw on; use 'hermes-store list', 'search' and "
            "'show' in scripts"
        )
