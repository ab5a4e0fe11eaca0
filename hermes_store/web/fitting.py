"""Cut the texts of a page so that it stays small, the longest ones most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import escape

from hermes_store.web.views import ImageAddress, Limits, MessageView, Text, views

__all__ = ["fitted"]

_ROOM = 90_000
"""Bytes of the messages of a page; with what stands around them it stays below 100 kB."""
_MOST_AROUND = 70_000
_OF_A_MESSAGE, _OF_A_PIECE = 350, 70
"""Bytes of the markup around its texts, about."""
_LONGEST, _LONGEST_FOLDED = 8_000, 1_000
"""Characters."""


def fitted(messages: Sequence[Mapping[str, Any]], image: ImageAddress) -> list[MessageView]:
    """Return the views of messages, their texts cut to what a page has room for."""
    shown, around = _with_pieces(messages, image)
    texts = [_bounded(*each) for message in shown for each in message.texts()]
    sizes = [_size(text.shown) for text in texts]
    share = _share(sizes, _ROOM - around)
    for text, size in zip(texts, sizes, strict=True):
        _shrink(text, size, share)
    return shown


def _with_pieces(
    messages: Sequence[Mapping[str, Any]], image: ImageAddress
) -> tuple[list[MessageView], int]:
    """The views with as many pieces as leave room for texts, and the bytes around the texts."""
    for pieces in (50, 10, 3, 1, 0):
        shown = views(messages, image, Limits(pieces, _LONGEST))
        around = sum(map(_around, shown))
        if around <= _MOST_AROUND:
            break
    return shown, around


def _around(view: MessageView) -> int:
    lines = [view.role, view.name, view.summary, *(part.href for part in view.parts)]
    lines += [line for call in view.calls for line in (call.name, call.summary)]
    pieces = len(view.parts) + len(view.calls)
    return _OF_A_MESSAGE + _OF_A_PIECE * pieces + sum(map(_size, lines))


def _bounded(text: Text, folded: bool) -> Text:
    text.cut(_LONGEST_FOLDED if folded else _LONGEST)
    return text


def _share(sizes: Sequence[int], room: int) -> int:
    """The greatest size for each, so that all of them have room."""
    left = len(sizes)
    for size in sorted(sizes):
        if size * left > room:
            return max(room // left, 0)
        room -= size
        left -= 1
    return max(sizes, default=0)


def _shrink(text: Text, size: int, most: int) -> None:
    while size > most and text.shown:
        text.cut(len(text.shown) * most // size)
        size = _size(text.shown)


def _size(text: str) -> int:
    return len(escape(text).encode())
