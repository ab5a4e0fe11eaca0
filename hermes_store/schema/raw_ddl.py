"""An operation of a draft that is raw DDL, and how it is written into a revision."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import indent

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops

from hermes_store.database.sql_text import canonical

__all__ = ["RawDDLOp"]


class RawDDLOp(ops.MigrateOperation):
    """Statements, and those that take them back.

    `database` names the only one that they are for; None: they are the same on both.
    """

    def __init__(
        self,
        what: str,
        name: str,
        do: Iterable[str],
        undo: Iterable[str],
        database: str | None = "sqlite",
    ) -> None:
        self.what, self.name, self.database = what, name, database
        self.do, self.undo = tuple(do), tuple(undo)

    def reverse(self) -> RawDDLOp:
        """The operation for the other direction."""
        return RawDDLOp(f"undo_{self.what}", self.name, self.undo, self.do, self.database)

    def to_diff_tuple(self) -> tuple[str, str]:
        """What `alembic check` prints."""
        return (self.what, self.name)


@renderers.dispatch_for(RawDDLOp)
def _render(_context: AutogenContext, operation: RawDDLOp) -> list[str]:
    lines = [f"op.execute({_literal(statement)})" for statement in operation.do]
    if not lines or operation.database is None:
        return lines
    guard = f"if op.get_context().dialect.name == {operation.database!r}:"
    return ["\n    ".join([guard, *lines])]


def _literal(sql: str) -> str:
    """`sql` as Python source; `op.execute` takes a bare colon for a parameter.

    Alembic indents every line: where that would change the meaning, there is only one.
    """
    escaped = sql.replace(":", r"\:")
    is_changed_by_indenting = canonical(indent(sql, "    ")) != canonical(sql)
    if is_changed_by_indenting or "\n" not in sql or '"""' in sql or sql.endswith(('"', "\\")):
        return repr(escaped)
    return f'r"""{escaped}"""'
