"""Cut the piece of a message that shows best why it was found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain, islice, takewhile

from hermes_store.search.characters import WORD, fold, is_apart
from hermes_store.search.matching import Finder, Span

__all__ = ["LONGEST", "beginning", "snippet"]

LONGEST = 40
"""Words of a snippet; in Chinese, Japanese, Korean and Thai, characters."""

_WORDS_BEFORE = 10
_MOST_CHARACTERS = 600
_MOST_BEFORE = _MOST_CHARACTERS // 3
_MATCHES_LOOKED_AT = 20
_CUT = "..."


def snippet(text: str, finders: Sequence[Finder], markers: tuple[str, str]) -> str | None:
    """About forty words of `text` around the matches, each match between the two markers.

    Where phrases are found in several places, the first that shows most of them. None when
    nothing is found.
    """
    folded = fold(text)
    if len(finders) == 1:
        spans = finders[0].spans(folded)
        first = next(spans, None)
        if first is None:
            return None
        window = _window(text, first)
        shown = chain([first], takewhile(lambda span: span.start < window.end, spans))
        return _marked(text, window, shown, markers)
    found = sorted(
        (span, number)
        for number, finder in enumerate(finders)
        for span in islice(finder.spans(folded), _MATCHES_LOOKED_AT)
    )
    if not found:
        return None
    return _marked(text, _best_window(text, found), (span for span, _ in found), markers)


def beginning(text: str) -> str:
    """The first forty words."""
    return _marked(text, _window(text, Span(0, 0)), [], ("", ""))


def _best_window(text: str, found: Sequence[tuple[Span, int]]) -> Span:
    """The first window that shows most phrases; one that cannot show more is not made."""
    best, most = Span(0, 0), 0
    all_of_them = len({number for _, number in found})
    for span, _ in found:
        reach = Span(span.start - _MOST_BEFORE, span.start + _MOST_CHARACTERS)
        if _phrases_in(reach, found) > most:
            window = _window(text, span)
            shown = _phrases_in(window, found)
            if shown > most:
                best, most = window, shown
            if most == all_of_them:
                break
    return best


def _phrases_in(window: Span, found: Sequence[tuple[Span, int]]) -> int:
    start, end = window
    return len({number for span, number in found if start <= span[0] and span[1] <= end})


# --- windows ------------------------------------------------------------------------------------


def _window(text: str, match: Span) -> Span:
    """Whole words around `match`: ten before it, and what is left of the forty from it on."""
    first = max(0, match.start - _MOST_BEFORE)
    before = _LAST_WORDS.match(_outline(text[first : match.start])[::-1])
    start = match.start - before.end() if before else first
    last = max(match.end, min(len(text), start + _MOST_CHARACTERS))
    outline = _outline(text[start:last])
    words = _ALL_WORDS.match(outline)
    end = start + words.end() if words and _WORD.search(outline, words.end()) else last
    return Span(start, max(end, match.end))


class _Outline(dict[int, str]):
    """Code point → an ASCII character of the same kind: a letter, a word of its own, a blank."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        kind = _APART if is_apart(character) else "a"
        self[code] = kind if WORD.match(character) else " "
        return self[code]


_APART = "\x01"
_OUTLINE = _Outline()
_BEYOND_ASCII = re.compile("[^\x00-\x7f]+")
_WORD = re.compile(f"[0-9A-Za-z]++|{_APART}")
_WORDS = f"(?:[^0-9A-Za-z{_APART}]*+(?:{_WORD.pattern}))"
_LAST_WORDS = re.compile(f"{_WORDS}{{{_WORDS_BEFORE}}}")
_ALL_WORDS = re.compile(f"{_WORDS}{{{LONGEST}}}")


def _outline(text: str) -> str:
    """`text` with the same words, in ASCII: patterns of all letters there are would be slow."""
    if text.isascii():
        return text
    return _BEYOND_ASCII.sub(lambda found: found[0].translate(_OUTLINE), text)


# --- marks --------------------------------------------------------------------------------------


def _marked(text: str, window: Span, spans: Iterable[Span], markers: tuple[str, str]) -> str:
    pieces = [_CUT] if window.start else []
    at = window.start
    for start, end in _within(window, spans):
        pieces += [text[at:start], markers[0], text[start:end], markers[1]]
        at = end
    pieces.append(text[at : window.end])
    return "".join([*pieces, _CUT if window.end < len(text) else ""])


def _within(window: Span, spans: Iterable[Span]) -> list[Span]:
    """The spans that lie in `window`; those that overlap become one."""
    within: list[Span] = []
    for span in spans:
        if span.start < window.start or span.end > window.end:
            continue
        if within and span.start < within[-1].end:
            within[-1] = Span(within[-1].start, max(within[-1].end, span.end))
        else:
            within.append(span)
    return within
