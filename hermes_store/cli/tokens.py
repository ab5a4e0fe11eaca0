"""The token of a server: from an option, a variable of the environment, or a file."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TextIO

import click

__all__ = ["given_token", "token_options"]

_LONGEST = 500


def token_options(variable: str) -> Callable[[Any], Any]:
    """Add --token and --token-file to a command; `variable` is that of the environment."""

    def added(command: Any) -> Any:
        in_a_file = click.option(
            "--token-file",
            type=click.File(encoding="utf-8"),
            help="A file whose first line is the token.",
        )
        chosen = click.option(
            "--token",
            metavar="TOKEN",
            envvar=variable,
            show_envvar=True,
            help="What who asks must know; every user of the machine sees it in the list of "
            "processes. Default: a new one.",
        )
        return chosen(in_a_file(command))

    return added


def given_token(token: str | None, file: TextIO | None) -> str | None:
    """Return the token that was chosen, or None. Raises `click.UsageError` for what is not one."""
    if file is not None:
        if token is not None:
            remedy = "give one of --token, its variable and --token-file"
            raise click.UsageError(f"there are two tokens; {remedy}")
        try:
            token = file.readline(_LONGEST + 1).strip()
        except UnicodeDecodeError:
            token = ""
    if token is None or re.fullmatch(rf"[!-~]{{1,{_LONGEST}}}", token):
        return token
    rule = f"1 to {_LONGEST} characters of ASCII without blanks"
    raise click.UsageError(f"the token cannot be used; give {rule}")
