"""What a search marked in a snippet, to be shown otherwise than by marks in the text."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["MARKERS", "parts"]

MARKERS = _START, _END = "\ue000", "\ue001"
"""Private-use characters: what is stored may hold any mark that people type, such as `>>>`."""


def parts(snippet: str) -> Iterator[tuple[str, bool]]:
    """Yield the texts of a snippet in their order, and whether each is between the `MARKERS`."""
    before, *pieces = snippet.split(_START)
    yield before, False
    for piece in pieces:
        hit, _, rest = piece.partition(_END)
        yield hit, True
        yield rest, False
