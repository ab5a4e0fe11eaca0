"""INSERT … SELECT into usage and meta: what will be stored is selected and checked before."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy.orm import ORMExecuteState

from hermes_store import values
from hermes_store.api.orm_checks import checked
from hermes_store.api.orm_counting import Noted
from hermes_store.errors import InvalidArgumentError
from hermes_store.models.types import Json
from hermes_store.queries import sessions

__all__ = ["require_as_it_is"]


def require_as_it_is(state: ORMExecuteState, noted: Noted) -> None:
    """Refuse a statement that would store what a method refuses, or stores in another form."""
    statement: Any = state.statement
    names = [getattr(name, "key", name) for name in statement._select_names]  # noqa: SLF001 - nothing else names them
    columns = dict(zip(names, statement.select.selected_columns, strict=True))
    for found in state.session.connection().execute(statement.select, state.parameters or {}):
        row = dict(zip(names, found, strict=True))
        for name, better in checked(statement.table.name, row).items():
            _require_equal(name, row[name], better)
        if "value" in columns and not isinstance(columns["value"].type, Json):
            _require_json_text(row["value"])
        if "session_id" in row:
            sessions.require(noted.connection, row["session_id"])


def _require_equal(name: str, selected: Any, stored: Any) -> None:
    if selected != stored:
        problem = (
            f"{values.shown(selected)} is selected, in place of which the methods store"
            f" {values.shown(stored)}"
        )
        raise InvalidArgumentError(name, problem, "select that, or insert the rows")


def _require_json_text(selected: Any) -> None:
    try:
        value = json.loads("null" if selected is None else selected)
    except (TypeError, ValueError, RecursionError):
        problem = f"{values.shown(selected)} is selected, which is not JSON text"
        raise InvalidArgumentError(
            "value", problem, "select JSON text, or insert the rows"
        ) from None
    values.encode_json("value", value)
