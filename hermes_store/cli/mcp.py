"""`mcp`: let agents search and read a store, by the Model Context Protocol."""

from __future__ import annotations

import asyncio
from typing import TextIO

import click

from hermes_store import AsyncSessionRepository
from hermes_store.cli import output
from hermes_store.cli.extras import needing
from hermes_store.cli.opening import open_to_read
from hermes_store.cli.options import Options
from hermes_store.cli.tokens import given_token, token_options

__all__ = ["mcp_command"]

_PORT = 8765


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
@token_options("HERMES_STORE_MCP_TOKEN")
@click.pass_obj
def mcp_command(
    options: Options, http: bool, port: int, token: str | None, token_file: TextIO | None
) -> None:
    """Serve the tools search_conversations, list_sessions and read_session to agents.

    They only read. An agent's program starts the command by itself and talks to it over stdin and
    stdout. --http serves at http://127.0.0.1:PORT/mcp, to who sends the token that is printed.
    """
    given = given_token(token, token_file)
    with needing("mcp", "mcp", "mcp_types"):
        from hermes_store.mcp import server
    with open_to_read(options) as repo:
        served = server.make(AsyncSessionRepository(repo))
        if not http:
            served.run()
            return
        from hermes_store import serving
        from hermes_store.mcp.http import application

        made = given or serving.new_token()
        with serving.listen(serving.HOST, port) as listening:
            shown = "TOKEN" if given else made
            output.note(f"http://{serving.HOST}:{port}/mcp  Authorization: Bearer {shown}")
            asyncio.run(serving.serve(lambda _: application(served, made, port), listening))
