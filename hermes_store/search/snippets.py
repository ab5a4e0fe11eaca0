"""Cut the piece of a message that shows best why it was found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice

from hermes_store.search.folding import plain
from hermes_store.search.forms import parts_apart
from hermes_store.search.matching import Find, Span

__all__ = ["LONGEST", "Reading", "beginning", "plain_parts", "snippet"]

LONGEST = 250
"""Characters of a snippet, without the markers; some forty words. A longer match is shown whole."""

_MOST_BEFORE = 70
_BLANK = re.compile(r"\s")
_SEPARATOR = re.compile(r"[^\w]")
_MATCHES_LOOKED_AT = 20
_CUT = "..."


Reading = Callable[[str], tuple[str, Callable[[int], int] | None]]
"""What is looked through for a text, and where a character of it stands in the text."""


def snippet(
    text: str, read: Reading, finders: Sequence[Find], markers: tuple[str, str]
) -> str | None:
    """A piece of `text` around the matches, each match between the two markers.

    It is where the phrase that is there least often is next to most of the others. None when
    nothing is found.
    """
    bare, place = read(text)
    best = _around_one(bare, finders[0]) if len(finders) == 1 else _around_all(bare, finders)
    if best is None:
        return None
    window, *spans = [(place(a), place(z)) for a, z in best] if place else best
    return _marked(text, window, spans, markers)


def plain_parts(text: str) -> tuple[str, Callable[[int], int]]:
    """Like `plain`, with the parts of words apart: of `getUserName` three words."""
    apart, place = parts_apart(text)
    bare, place_apart = plain(apart)
    return bare, (lambda at: place(place_apart(at))) if place_apart else place


def beginning(text: str) -> str:
    """The first piece."""
    return _marked(text, _window(text, (0, 0)), [], ("", ""))


# --- windows: what is shown, and after it the matches in it ---------------------------------------


def _around_one(text: str, find: Find) -> list[Span] | None:
    found = find(text, 0)
    first = next(found, None)
    if first is None:
        return None
    window = _window(text, first)
    return [window, *_merged([first, *_until(window[1], found)])]


def _around_all(text: str, finders: Sequence[Find]) -> list[Span] | None:
    found = [(each, list(islice(each(text, 0), _MATCHES_LOOKED_AT))) for each in finders]
    found = [(each, spans) for each, spans in found if spans]
    if not found:
        return None
    _, candidates = min(found, key=lambda each: len(each[1]))
    best: list[list[Span]] = []
    window = (0, 0)
    for span in candidates:
        place = _window(text, span)
        shown = [inside for each in found if (inside := _within(text, place, *each))]
        if len(shown) > len(best):
            best, window = shown, place
            if len(best) == len(found):
                break
    return [window, *_merged(sorted(chain.from_iterable(best)))]


def _within(text: str, window: Span, find: Find, spans: list[Span]) -> list[Span]:
    """The matches in `window`, given the first of all."""
    start, end = window
    if len(spans) == _MATCHES_LOOKED_AT:
        spans = _until(end, find(text, start))
    return [span for span in spans if start <= span[0] and span[1] <= end]


def _until(end: int, found: Iterator[Span]) -> list[Span]:
    """The next matches that end there or before."""
    spans: list[Span] = []
    for span in found:
        if span[1] > end:
            break
        spans.append(span)
    return spans


def _window(text: str, match: Span) -> Span:
    """The place around `match` to show: of whole words, where they are not too long."""
    begins, ends = match
    start = 0
    if begins > _MOST_BEFORE:
        start = begins - _MOST_BEFORE
        start = _first_end(text, start, begins) or start
    end = max(ends, start + LONGEST)
    if end < len(text):
        return start, _last_start(text, ends, end + 1) or end
    return start, len(text)


def _first_end(text: str, start: int, end: int) -> int:
    """Where a blank ends, or else another character that is not part of a word; 0 for none."""
    found = _BLANK.search(text, start, end) or _SEPARATOR.search(text, start, end)
    return found.end() if found else 0


def _last_start(text: str, start: int, end: int) -> int:
    """Where the last blank begins, or else the last such character; 0 for none."""
    for kind in (_BLANK, _SEPARATOR):
        found = kind.search(text[start:end][::-1])
        if found:
            return end - found.end()
    return 0


def _merged(spans: Sequence[Span]) -> list[Span]:
    """`spans`, which are in order, without overlaps: of those that overlap, what they cover."""
    merged: list[Span] = []
    for start, end in spans:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _marked(text: str, window: Span, spans: Sequence[Span], markers: tuple[str, str]) -> str:
    opening, closing = markers
    at, end = window
    pieces = [_CUT] if at else []
    for start, after in spans:
        pieces += (text[at:start], opening, text[start:after], closing)
        at = after
    pieces.append(text[at:end])
    if end < len(text):
        pieces.append(_CUT)
    return "".join(pieces)
