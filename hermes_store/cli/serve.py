"""`serve`: the conversations in a browser."""

from __future__ import annotations

import asyncio
import sys
from typing import TextIO
from urllib.parse import quote

import click

from hermes_store.cli import output
from hermes_store.cli.extras import needing
from hermes_store.cli.opening import open_to_read
from hermes_store.cli.options import Options
from hermes_store.cli.tokens import given_token, token_options

__all__ = ["serve_command"]

_PORT = 8766
_SHORTEST = 16
"""Characters of a token that others on a network may guess at."""


@click.command("serve")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=_PORT,
    show_default=True,
    help="0 takes a free one.",
)
@token_options("HERMES_STORE_WEB_TOKEN")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen at; another than this machine's needs --token.",
)
@click.pass_obj
def serve_command(
    options: Options, port: int, token: str | None, token_file: TextIO | None, host: str
) -> None:
    """Show the conversations in a browser, until Ctrl-C. Nothing can be changed there.

    The first line is the link to open; who has it can read all that is stored. --json prints it as
    an object with url.
    """
    with needing("web", "starlette", "jinja2", "markupsafe", "pygal", "uvicorn"):
        from hermes_store import serving
        from hermes_store.web.application import application
    given = given_token(token, token_file)
    _check(host, given)
    made = given or serving.new_token()
    with open_to_read(options) as repo, serving.listen(host, port) as listening:
        _print(options, f"http://{_name(host)}:{listening.getsockname()[1]}/?token={quote(made)}")
        asyncio.run(serving.serve(lambda ending: application(repo, made, host, ending), listening))


def _check(host: str, token: str | None) -> None:
    """Refuse a token that is none, and an address that others reach unless a token says so."""
    from hermes_store.web.guard import is_loopback

    if is_loopback(host):
        return
    if token is None or len(token) < _SHORTEST:
        raise click.UsageError(
            f"others on the network reach --host {host}: give a --token of {_SHORTEST} characters "
            "or more, which they must know"
        )
    output.note(
        "others on the network reach the page; what they read is not encrypted on the way: put a "
        "server with TLS before it"
    )


def _name(host: str) -> str:
    """A host as a link has it; of every address the one that this machine's browser opens."""
    from hermes_store.web.guard import EVERY_ADDRESS

    if host in EVERY_ADDRESS:
        return "localhost"
    return f"[{host}]" if ":" in host else host


def _print(options: Options, url: str) -> None:
    if options.as_json:
        output.print_json({"url": url})
    else:
        click.echo(url)
    sys.stdout.flush()
