"""Cut the piece of a message that shows best why it was found."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import chain

from hermes_store.search.folding import plain
from hermes_store.search.forms import parts_apart
from hermes_store.search.matching import Find, Span

__all__ = ["LONGEST", "Reading", "beginning", "plain_parts", "plain_words", "snippet"]

LONGEST = 250
"""Characters of a snippet, without the markers; some forty words. A longer match is shown whole."""

_MOST_BEFORE = 70
_SEPARATOR = re.compile(r"[^\w]")
_TO_LAST_SEPARATOR = re.compile(r".*[^\w]", re.DOTALL)
_MATCHES_LOOKED_AT = 20
_CUT = "..."


Reading = Callable[[str], tuple[str, Callable[[Span], Span] | None]]
"""What is looked through for a text, and where a piece of it stands in the text."""


def snippet(
    text: str, read: Reading, finders: Sequence[Find], markers: tuple[str, str]
) -> str | None:
    """A piece of `text` around the matches, each match between the two markers.

    It is where the phrase that is there least often is next to most of the others. None when
    nothing is found.
    """
    bare, place = read(text)
    best = _best(bare, finders)
    if best is None:
        return None
    window, *spans = map(place, best) if place else best
    return _marked(text, window, spans, markers)


def plain_words(text: str) -> tuple[str, Callable[[Span], Span] | None]:
    """`text` folded."""
    bare, places = plain(text)
    return bare, places.of if places else None


def plain_parts(text: str) -> tuple[str, Callable[[Span], Span]]:
    """`text` folded, with the parts of words apart: of `getUserName` three words."""
    apart, place = parts_apart(text)
    bare, of_apart = plain_words(apart)

    def of_text(span: Span) -> Span:
        start, end = of_apart(span) if of_apart else span
        return place(start), place(end)

    return bare, of_text


def beginning(text: str) -> str:
    """The first piece."""
    return _marked(text, _window(text, (0, 0)), [], ("", ""))


# --- windows: what is shown, and after it the matches in it ---------------------------------------


def _best(text: str, finders: Sequence[Find]) -> list[Span] | None:
    """What to show of `text`; None when nothing is found."""
    if len(finders) == 1:
        return _around_first(text, finders[0])
    length = len(text)
    found = [
        (find, spans) for find in finders if (spans := find(text, 0, length, _MATCHES_LOOKED_AT))
    ]
    if not found:
        return None
    most = 0
    for span in min((spans for _, spans in found), key=len):
        window = _window(text, span)
        shown = [inside for each in found if (inside := _within(text, window, *each))]
        if len(shown) > most:
            best, most = [window, *_merged(shown)], len(shown)
            if most == len(found):
                break
    return best


def _around_first(text: str, find: Find) -> list[Span] | None:
    first = find(text, 0, len(text), 2)
    if not first:
        return None
    start, end = window = _window(text, first[0])
    if len(first) == 1 or first[1][1] > end:
        return [window, first[0]]
    return [window, *_merged([first, find(text, first[1][1], end, end - start)])]


def _within(text: str, window: Span, find: Find, spans: list[Span]) -> list[Span]:
    """The matches in `window`, given the first of all."""
    start, end = window
    if len(spans) == _MATCHES_LOOKED_AT:
        return find(text, start, end, end - start)
    return [span for span in spans if start <= span[0] and span[1] <= end]


def _window(text: str, match: Span) -> Span:
    """The place around `match` to show: of whole words, where they are not too long."""
    begins, ends = match
    start = 0
    if begins > _MOST_BEFORE:
        start = _first_end(text, begins - _MOST_BEFORE, begins)
    end = max(ends, start + LONGEST)
    if end < len(text):
        return start, _last_start(text, ends, end)
    return start, len(text)


def _first_end(text: str, start: int, end: int) -> int:
    """Where a blank ends, or else another character that is not part of a word, or else `start`."""
    if text[start].isspace():
        return start + 1
    word = text[start:end].split(None, 1)[0]
    if len(word) < end - start:
        return start + len(word) + 1
    found = _SEPARATOR.search(text, start, end)
    return found.end() if found else start


def _last_start(text: str, start: int, end: int) -> int:
    """Where the last blank begins, or else the last such character, or else `end`."""
    if text[end].isspace():
        return end
    word = text[start : end + 1].rsplit(None, 1)[-1]
    if len(word) <= end - start:
        return end - len(word)
    found = _TO_LAST_SEPARATOR.match(text, start, end + 1)
    return found.end() - 1 if found else end


def _merged(found: Sequence[list[Span]]) -> list[Span]:
    """All in order, without overlaps: of those that overlap, what they cover."""
    if len(found) == 1 and len(found[0]) == 1:
        return found[0]
    merged: list[Span] = []
    for start, end in sorted(chain.from_iterable(found)):
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
