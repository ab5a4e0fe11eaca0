"""Dicts of rows, made by a function that is written for their columns.

A loop over the columns of each row takes twice as long, and most columns of most rows are NULL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

__all__ = ["Dicts"]


class Dicts:
    """Makes a dict of each row."""

    def __init__(
        self,
        columns: Sequence[str],
        empty: Mapping[str, Any],
        forms: Mapping[str, Callable[[Any], Any]],
        only_if: Mapping[str, str] | None = None,
        *,
        keys: Mapping[str, str] | None = None,
        changes: Mapping[str, Callable[[dict[str, Any], Any], None]] | None = None,
    ) -> None:
        """A row has `columns`; where all of them are NULL, its dict is `empty`.

        A column stands under its own name if that is in `empty`, or under its name in `keys`; the
        others are left out. `forms` says what a value becomes, for a column in `only_if` where the
        column named there is not NULL. What is in `changes` is called with the dict, as it is at
        that column, and the value.
        """
        self._places = {name: f"c{place}" for place, name in enumerate(columns)}
        self._empty = dict(empty)
        self._forms = forms
        self._only_if = only_if or {}
        self._keys = {**{name: name for name in columns if name in empty}, **(keys or {})}
        self._changes = changes or {}

    @cached_property
    def of(self) -> Callable[[Iterable[Sequence[Any]]], list[Any]]:
        """The function, which takes rows. It is written at its first use: that takes a while."""
        forms, changes, places = self._forms, self._changes, self._places
        names: dict[str, Any] = {
            "copy": self._empty.copy,
            **{f"form_{places[name]}": form for name, form in forms.items() if name in places},
            **{f"change_{places[name]}": change for name, change in changes.items()},
        }
        exec(self._source, names)  # noqa: S102 - as a dataclass is made; names are quoted
        made: Callable[[Iterable[Sequence[Any]]], list[Any]] = names["made"]
        return made

    @property
    def _source(self) -> str:
        used = self._keys.keys() | self._changes.keys()
        taken = "\n        ".join(self._taken(name) for name in self._places if name in used)
        return f"""\
def made(rows):
    found = []
    for {", ".join(self._places.values())}, in rows:
        each = copy()
        {taken}
        found.append(each)
    return found
"""

    def _taken(self, name: str) -> str:
        value = self._places[name]
        if name in self._changes:
            return f"if {value} is not None: change_{value}(each, {value})"
        formed = f"form_{value}({value})" if name in self._forms else value
        if name in self._only_if:
            formed = f"{value} if {self._places[self._only_if[name]]} is None else {formed}"
        return f"if {value} is not None: each[{self._keys[name]!r}] = {formed}"
