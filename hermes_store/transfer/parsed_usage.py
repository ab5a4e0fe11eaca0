"""The records of usage of a session that was read elsewhere, checked and encoded."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from hermes_store import values
from hermes_store.errors import InvalidArgumentError
from hermes_store.queries.usage_records import CHECKS, COUNTS, checked_hour, whole_key
from hermes_store.records import UsageRecord
from hermes_store.transfer.stored_values import stored_count

__all__ = ["parsed_usage"]

_NAMES = UsageRecord.__required_keys__


def _sum(argument: str, given: Any) -> int:
    if type(given) is int and given < 0:
        return values.count(argument, given)
    return stored_count(argument, given)


_CHECKS = {**CHECKS, **dict.fromkeys(COUNTS, _sum)}


def parsed_usage(session_id: str, given: Any) -> tuple[list[dict[str, Any]], set[str]]:
    """The records, and the names of fields that are not known. Raises `InvalidArgumentError`."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    unknown: set[str] = set()
    for place, one in enumerate(() if given is None else values.listed("usage", given)):
        try:
            row = _row(one)
            rows[_new_key(session_id, row, rows)] = row
        except InvalidArgumentError as exc:
            argument = f"usage[{place}].{exc.argument}"
            raise InvalidArgumentError(argument, exc.problem, exc.remedy) from exc
        unknown |= {f"usage.{name}" for name in one.keys() - _NAMES}
    return list(rows.values()), unknown


def _row(given: Any) -> dict[str, Any]:
    of = values.mapping("value", given)
    times = {name: values.seconds(name, _there(of, name)) for name in ("first_at", "last_at")}
    row = {name: check(name, of.get(name)) for name, check in _CHECKS.items()}
    return {"hour": checked_hour("hour", _there(of, "hour")), **row, **times}


def _new_key(session_id: str, row: dict[str, Any], earlier: Container[Any]) -> tuple[Any, ...]:
    key = (row["hour"], *whole_key(session_id, row))
    if key in earlier:
        problem = "is that of an earlier record with the same texts"
        raise InvalidArgumentError("hour", problem, "add the two up")
    return key


def _there(given: Mapping[str, Any], name: str) -> Any:
    if given.get(name) is None:
        raise InvalidArgumentError(name, "is missing", "give what export wrote")
    return given[name]
