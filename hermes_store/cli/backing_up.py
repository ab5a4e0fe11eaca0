"""`backup` and `restore`: a second copy of the store, and the way back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from hermes_store.cli import output
from hermes_store.cli.errors import NotFoundError
from hermes_store.cli.opening import refuse_read_only, require_store, where
from hermes_store.cli.options import Options
from hermes_store.cli.text import one_line
from hermes_store.records import Backup
from hermes_store.transfer.backup import backup
from hermes_store.transfer.restoring import Restored, restore

__all__ = ["backup_command", "restore_command"]


@click.command("backup")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--keep",
    type=click.IntRange(min=1, max=10_000),
    metavar="N",
    help="FILE is a folder: keep the newest N backups of this store there, delete older ones.",
)
@click.option("--replace", is_flag=True, help="Replace FILE also when it is not a backup.")
@click.pass_obj
def backup_command(options: Options, path: Path, keep: int | None, replace: bool) -> None:
    """Write all that the store holds into one file, while agents go on writing.

    The file is checked, and gets its name at the end: until then, and whenever anything fails, an
    earlier backup stays. Only its owner can read it. When FILE is a folder, the file gets a name
    with the time.

    --json prints an object with path, source, made_at, revision, sessions, messages, bytes,
    remarks and deleted.
    """
    require_store(options)
    options.kept = lambda: f"{path} is as it was"
    with output.progress_bar("backing up") as report:
        done = backup(options.db, path, keep=keep, replace=replace, progress=report)
    if options.as_json:
        printed = {**done._asdict(), "path": str(done.path), "deleted": _texts(done.deleted)}
        output.print_json(printed)
    else:
        _tell_backup(done)


def _texts(paths: list[Path]) -> list[str]:
    return [str(path) for path in paths]


def _tell_backup(done: Backup) -> None:
    output.note(f"{done.path}: {_contents(done)} of {done.source}, {output.size(done.bytes)}")
    _tell_remarks(done.remarks)
    for path in done.deleted:
        output.note(f"deleted {path}")


def _contents(held: Any) -> str:
    sessions, messages = output.count(held.sessions, "session"), held.messages
    return f"{sessions} with {output.count(messages, 'message')}"


def _tell_remarks(remarks: dict[str, int]) -> None:
    for what, number in remarks.items():
        output.note(f"{one_line(what)}: {output.count(number)}")


@click.command("restore")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--replace",
    is_flag=True,
    help="Replace what a server's database holds, or a file of another program; it is kept.",
)
@click.pass_obj
def restore_command(options: Options, path: Path, replace: bool) -> None:
    """Let the store hold what the backup FILE holds, at the newest schema.

    FILE is checked first, and not changed. What the store held is kept in a file beside it (on a
    server: beside FILE). Agents may run meanwhile: each has one operation refused, and goes on with
    what was restored.

    --json prints an object with sessions, messages, kept, upgraded_from and remarks.
    """
    refuse_read_only(options)
    if not os.path.exists(path):  # noqa: PTH110 - a Path's raises when the name is too long
        raise NotFoundError(f"there is no file {path}; give the path of a backup")
    options.kept = lambda: f"{where(options)} is as it was, or restored whole"
    with output.progress_bar("restoring") as report:
        done = restore(path, options.db, replace=replace, progress=report)
    if options.as_json:
        kept = None if done.kept is None else str(done.kept)
        output.print_json({**done._asdict(), "kept": kept})
    else:
        _tell_restored(done, path, where(options))


def _tell_restored(done: Restored, path: Path, store: str) -> None:
    output.note(f"{store} holds {_contents(done)}, from {path}")
    if done.upgraded_from is not None:
        output.note(f"the backup was at {done.upgraded_from}: what was restored is upgraded")
    if done.kept is not None:
        output.note(f"what the store held before is kept in {done.kept}")
    _tell_remarks(done.remarks)
