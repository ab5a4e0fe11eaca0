"""`mcp`: let agents search and read a store, by the Model Context Protocol."""

from __future__ import annotations

import asyncio
import re
import secrets
from typing import TextIO

import click

from hermes_store import AsyncSessionRepository
from hermes_store.cli import output
from hermes_store.cli.opening import open_to_read
from hermes_store.cli.options import Options

__all__ = ["mcp_command"]

_PORT = 8765
_LONGEST_TOKEN = 500


@click.command("mcp")
@click.option(
    "--http", is_flag=True, help="Serve HTTP on this machine, in place of stdin and stdout."
)
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    default=_PORT,
    show_default=True,
    help="The port of --http.",
)
@click.option(
    "--token",
    metavar="TOKEN",
    envvar="HERMES_STORE_MCP_TOKEN",
    show_envvar=True,
    help="The token of --http, which every user of the machine sees in the list of processes. "
    "Default: a new one.",
)
@click.option(
    "--token-file",
    type=click.File(encoding="utf-8"),
    help="A file whose first line is the token of --http.",
)
@click.pass_obj
def mcp_command(
    options: Options, http: bool, port: int, token: str | None, token_file: TextIO | None
) -> None:
    """Serve the tools search_conversations, list_sessions and read_session to agents.

    They only read. An agent's program starts the command by itself and talks to it over stdin and
    stdout. --http serves at http://127.0.0.1:PORT/mcp, to who sends the token that is printed.
    """
    given = _given_token(token, token_file)
    try:
        from hermes_store.mcp import server
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] in {"mcp", "mcp_types"}:
            remedy = "install the extra: pip install 'hermes-store[mcp]'"
            raise click.ClickException(f"the package mcp is missing; {remedy}") from None
        raise
    with open_to_read(options) as repo:
        served = server.make(AsyncSessionRepository(repo))
        if not http:
            served.run()
            return
        from hermes_store.mcp.http import HOST, serve

        made = given or secrets.token_urlsafe(24)
        output.note(f"http://{HOST}:{port}/mcp  Authorization: Bearer {'TOKEN' if given else made}")
        asyncio.run(serve(served, made, port))


def _given_token(token: str | None, file: TextIO | None) -> str | None:
    """The token that was chosen, or None. Raises `click.UsageError` for what is not one."""
    if file is not None:
        if token is not None:
            remedy = "give one of --token, HERMES_STORE_MCP_TOKEN and --token-file"
            raise click.UsageError(f"there are two tokens; {remedy}")
        try:
            token = file.readline(_LONGEST_TOKEN + 1).strip()
        except UnicodeDecodeError:
            token = ""
    if token is None or re.fullmatch(rf"[!-~]{{1,{_LONGEST_TOKEN}}}", token):
        return token
    rule = f"1 to {_LONGEST_TOKEN} characters of ASCII without blanks"
    raise click.UsageError(f"the token of --http cannot be used; give {rule}")
