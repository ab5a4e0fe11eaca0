"""Packages of extras, which only some commands need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

__all__ = ["needing"]


@contextmanager
def needing(extra: str, *packages: str) -> Iterator[None]:
    """Name the extra to install when one of its packages, which the block imports, is missing."""
    try:
        yield
    except ModuleNotFoundError as exc:
        missing = (exc.name or "").partition(".")[0]
        if missing not in packages:
            raise
        remedy = f"install the extra: pip install 'hermes-store[{extra}]'"
        raise click.ClickException(f"the package {missing} is missing; {remedy}") from None
