"""Read the next piece while one is written: the process reads, and the server writes."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["ahead"]

Item = TypeVar("Item")


def ahead(items: Iterator[Item]) -> Generator[Item]:
    """Yield the items, none of which is None; a thread makes the next one meanwhile.

    Raises what making an item raises. Close the generator before what the items are made of.
    """
    with ThreadPoolExecutor(1, "hermes-store-reading") as thread:
        coming = thread.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, items, None)
            yield item
