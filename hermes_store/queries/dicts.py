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
    ) -> None:
        """A row has `columns`; where all of them are NULL, its dict is `empty`.

        The keys are those of `empty`: other columns are left out. `forms` says what a value
        becomes, for a column in `only_if` where the column named there is not NULL.
        """
        self._places = {name: f"c{place}" for place, name in enumerate(columns)}
        self._empty = dict(empty)
        self._forms = forms
        self._only_if = only_if or {}

    @cached_property
    def of(self) -> Callable[[Iterable[Sequence[Any]]], list[Any]]:
        """The function, which takes rows. It is written at its first use: that takes a while."""
        known = {f"form_{self._places[name]}": form for name, form in self._forms.items()}
        names: dict[str, Any] = {"copy": self._empty.copy, **known}
        exec(self._source, names)  # noqa: S102 - as a dataclass is made; names are quoted
        made: Callable[[Iterable[Sequence[Any]]], list[Any]] = names["made"]
        return made

    @property
    def _source(self) -> str:
        taken = "\n        ".join(self._taken(name) for name in self._places if name in self._empty)
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
        value = formed = self._places[name]
        if name in self._forms:
            formed = f"form_{value}({value})"
        if name in self._only_if:
            formed = f"{value} if {self._places[self._only_if[name]]} is None else {formed}"
        return f"if {value} is not None: each[{name!r}] = {formed}"
