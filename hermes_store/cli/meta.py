"""`meta`: the values that programs keep beside their sessions."""

from __future__ import annotations

import json
from typing import Any

import click

from hermes_store import SessionRepository
from hermes_store.cli import output
from hermes_store.cli.app import shared_options
from hermes_store.cli.completion import complete_keys
from hermes_store.cli.errors import NotFoundError
from hermes_store.cli.opening import open_to_change, open_to_read
from hermes_store.cli.options import Options
from hermes_store.cli.text import one_line

__all__ = ["meta_command"]

_MISSING = object()


@click.group("meta", no_args_is_help=False)
def meta_command() -> None:
    """Print, set and delete the values that programs keep under keys of their own.

    A value is JSON. Each of the commands takes the shared options, too.
    """


def _none(key: str) -> NotFoundError:
    return NotFoundError(f"there is no key {key!r}; 'hermes-store meta list' prints all")


@meta_command.command("get", params=shared_options())
@click.argument("key", shell_complete=complete_keys)
@click.pass_obj
def get_command(options: Options, key: str) -> None:
    """Print the value of KEY, as JSON."""
    with open_to_read(options) as repo:
        output.print_json(_value(repo, key))


def _value(repo: SessionRepository, key: str) -> Any:
    value = repo.meta.get(key, _MISSING)
    if value is _MISSING:
        raise _none(key)
    return value


@meta_command.command("set", params=shared_options())
@click.argument("key", shell_complete=complete_keys)
@click.argument("value")
@click.option("--text", is_flag=True, help="VALUE is a text as it stands, not JSON.")
@click.pass_obj
def set_command(options: Options, key: str, value: str, text: bool) -> None:
    """Store VALUE, which is JSON, under KEY. --json prints an object with key and value."""
    given = value if text else _parsed(value)
    with open_to_change(options) as repo:
        repo.meta.set(key, given)
    if options.as_json:
        output.print_json({"key": key, "value": given})
    else:
        output.note(f"{key} is set")


def _parsed(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as exc:
        raise click.UsageError(f"VALUE is not JSON ({exc}); for a text add --text") from exc


@meta_command.command("delete", params=shared_options())
@click.argument("key", shell_complete=complete_keys)
@click.pass_obj
def delete_command(options: Options, key: str) -> None:
    """Delete KEY with its value. --json prints an object with the key."""
    with open_to_change(options) as repo:
        if not repo.meta.delete(key):
            raise _none(key)
    if options.as_json:
        output.print_json({"key": key})
    else:
        output.note(f"{key} was deleted")


@meta_command.command("list", params=shared_options())
@click.argument("prefix", required=False, default="", shell_complete=complete_keys)
@click.pass_obj
def list_command(options: Options, prefix: str) -> None:
    """Print the keys that begin with PREFIX, or all, with their values. --json prints an object."""
    with open_to_read(options) as repo:
        found = repo.meta.items(prefix)
    if options.as_json:
        output.print_json(dict(found))
    elif found:
        table = output.table("KEY", "VALUE")
        for key, value in found:
            table.add_row(one_line(key), one_line(json.dumps(value, ensure_ascii=False)))
        output.print_table(output.console(), table, widest="VALUE")
    else:
        output.note("no keys")
