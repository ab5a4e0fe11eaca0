"""The revisions of this installation, known by the names of their files: Alembic is not imported.

A file is named `0012_what_it_does.py`. The number is the revision's id, and the greatest is HEAD.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import groupby
from pathlib import Path

__all__ = ["HEAD", "REVISIONS", "clashes", "objects_made", "scripts_folder", "tables_made"]

_PACKAGE = Path(__file__).resolve().parents[1]
_FILE = re.compile(r"(\d{4})_\w+\.py")


def scripts_folder() -> Path:
    """Where `env.py` and `versions` are: inside an installed package, beside it in a checkout."""
    installed = _PACKAGE / "_migrations"
    return installed if installed.is_dir() else _PACKAGE.parent / "migrations"


def _files(folder: Path) -> list[str]:
    names = (path.name for path in (folder / "versions").iterdir())
    return sorted(name for name in names if _FILE.fullmatch(name))


def clashes(folder: Path) -> list[list[str]]:
    """Files of `folder` that share a number, as two branches that were merged leave them."""
    same = groupby(_files(folder), key=lambda name: name[:4])
    return [names for _, each in same if len(names := list(each)) > 1]


REVISIONS = tuple(sorted({name[:4] for name in _files(scripts_folder())}))
"""Every revision's id, the first one first."""

HEAD = REVISIONS[-1]
"""The newest revision."""


_TABLE = re.compile(r"(?:create_table\(\s*|rename_table\([^,]+,\s*)[\"'](\w+)")
_OBJECT = re.compile(
    r"CREATE (?:OR REPLACE )?(?:VIRTUAL )?(?:TABLE|VIEW|TRIGGER|FUNCTION) (?:IF NOT EXISTS )?+(\w+)"
)


@cache
def tables_made() -> frozenset[str]:
    """Every table that a revision ever made for a model, also those dropped since."""
    return _found(_TABLE)


@cache
def objects_made() -> frozenset[str]:
    """Every table, view, trigger and function that a revision ever made by raw DDL."""
    return _found(_OBJECT)


def _found(made: re.Pattern[str]) -> frozenset[str]:
    folder = scripts_folder()
    texts = ((folder / "versions" / name).read_text("utf-8") for name in _files(folder))
    return frozenset(name for text in texts for name in made.findall(text))
