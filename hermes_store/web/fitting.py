"""Cut the texts of a page so that it stays small, the longest ones most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import escape

from hermes_store.web.views import ImageAddress, MessageView, Text, views

__all__ = ["BUDGET", "fitted"]

BUDGET = 55_000
"""Bytes of the texts of a page, escaped; with 100 messages around them it stays below 100 kB."""
_MOST_PIECES = 300
"""Texts, images and calls of a page."""
_LONGEST, _LONGEST_FOLDED = 8_000, 1_000
"""Characters."""


def fitted(messages: Sequence[Mapping[str, Any]], image: ImageAddress) -> list[MessageView]:
    """Return the views of messages, their texts cut to what a page has room for."""
    shown = views(messages, image, most=max(3, _MOST_PIECES // max(len(messages), 1)))
    texts = [_bounded(text, folded) for message in shown for text, folded in message.texts()]
    sizes = [_size(text.shown) for text in texts]
    lines = [call.summary for message in shown for call in message.calls]
    lines += [message.summary for message in shown]
    share = _share(sizes, BUDGET - sum(map(_size, lines)))
    for text, size in zip(texts, sizes, strict=True):
        _shrink(text, size, share)
    return shown


def _bounded(text: Text, folded: bool) -> Text:
    text.cut(_LONGEST_FOLDED if folded else _LONGEST)
    return text


def _share(sizes: Sequence[int], budget: int) -> int:
    """The greatest size for each, so that all of them keep the budget."""
    left = len(sizes)
    for size in sorted(sizes):
        if size * left > budget:
            return max(budget // left, 0)
        budget -= size
        left -= 1
    return max(sizes, default=0)


def _shrink(text: Text, size: int, most: int) -> None:
    while size > most and text.shown:
        text.cut(len(text.shown) * most // size)
        size = _size(text.shown)


def _size(text: str) -> int:
    return len(escape(text).encode())
