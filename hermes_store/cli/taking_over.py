"""`copy` and `import` of a `state.db` of Hermes Agent: taken over, and accounted for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hermes_store.cli import output
from hermes_store.cli.opening import refuse_read_only, where
from hermes_store.cli.options import Options
from hermes_store.cli.text import one_line
from hermes_store.database.address import url_of
from hermes_store.transfer.importers.hermes import Account, import_hermes_file

__all__ = ["take_over"]

_RIGHT = ("ROWS", "THERE NOW")


def take_over(options: Options, files: Sequence[Path], goal: Options) -> None:
    """Import each file into `goal`; print the account of each."""
    refuse_read_only(options)
    options.kept = lambda: f"what is in {where(goal)} stays; run the same again, it goes on"
    accounts: list[dict[str, Any]] = []
    for path in files:
        with output.progress_bar(f"importing {path.name}") as report:
            account = import_hermes_file(path, url_of(goal.db), progress=report)
        accounts.append({"file": str(path), **asdict(account)})
        if not options.as_json:
            _print_account(path, account, where(goal))
    if options.as_json:
        output.print_json(accounts)


def _print_account(path: Path, account: Account, goal: str) -> None:
    out, table = (
        output.console(),
        output.table("TABLE", "ROWS", "WENT TO", "THERE NOW", right=_RIGHT),
    )
    for each in account.tables:
        rows = "?" if each.rows is None else output.count(each.rows)
        table.add_row(one_line(each.table), rows, one_line(each.went_to), output.count(each.now))
    output.print_table(out, table, widest="WENT TO")
    schema = "" if account.version is None else f" (schema {account.version} of Hermes Agent)"
    output.note(f"{one_line(str(path))}{schema} is taken over into {goal}, and unchanged")
    for title, lines in (("altered", account.altered), ("left out", account.left_out)):
        output.note(f"{title}: {output.count(len(lines))}")
        for line in lines:
            output.note(f"  {one_line(line)}")
