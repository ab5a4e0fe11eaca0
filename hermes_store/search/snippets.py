"""Cut the piece of a message that shows best why it was found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from hermes_store.search.characters import WORD, fold
from hermes_store.search.matching import Finder, Span

__all__ = ["LONGEST", "beginning", "snippet"]

LONGEST = 40
"""Words of a snippet; in Chinese, Japanese, Korean and Thai, characters."""

_WORDS_BEFORE = 10
_MOST_CHARACTERS = 600
_MATCHES_LOOKED_AT = 20
_CUT = "..."


def snippet(text: str, finders: Sequence[Finder], markers: tuple[str, str]) -> str | None:
    """About forty words of `text` around the matches, each match between the two markers.

    Where phrases are found in several places, the first that shows most of them. None when
    nothing is found.
    """
    folded = fold(text)
    found = sorted(
        (span, number)
        for number, finder in enumerate(finders)
        for span in islice(finder.spans(folded), _MATCHES_LOOKED_AT)
    )
    if not found:
        return None
    window = _best_window(text, found) if len(finders) > 1 else _window(text, found[0][0])
    return _marked(text, window, (span for span, _ in found), markers)


def beginning(text: str) -> str:
    """The first forty words."""
    return _marked(text, _window(text, Span(0, 0)), [], ("", ""))


def _best_window(text: str, found: Sequence[tuple[Span, int]]) -> Span:
    def phrases_in(window: Span) -> int:
        return len(
            {n for span, n in found if window.start <= span.start and span.end <= window.end}
        )

    windows = (_window(text, span) for span, _ in found)
    return max(windows, key=phrases_in)


def _window(text: str, match: Span) -> Span:
    """Whole words around `match`: some before it, and what is left of the forty from it on."""
    earliest = max(0, match.start - _MOST_CHARACTERS // 3)
    before = [word.start() for word in WORD.finditer(text, earliest, match.start)]
    start = before[-_WORDS_BEFORE] if len(before) >= _WORDS_BEFORE else earliest
    latest = max(match.end, min(len(text), start + _MOST_CHARACTERS))
    left = LONGEST - min(len(before), _WORDS_BEFORE)
    words = list(islice(WORD.finditer(text, match.start, latest), left + 1))
    end = words[left - 1].end() if len(words) > left else latest
    return Span(start, max(end, match.end))


def _marked(text: str, window: Span, spans: Iterable[Span], markers: tuple[str, str]) -> str:
    pieces = [_CUT] if window.start else []
    at = window.start
    for span in _merged(spans):
        if window.start <= span.start and span.end <= window.end:
            pieces += [text[at : span.start], markers[0], text[span.start : span.end], markers[1]]
            at = span.end
    pieces.append(text[at : window.end])
    return "".join([*pieces, _CUT if window.end < len(text) else ""])


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans without overlaps, from left to right."""
    last: Span | None = None
    for span in spans:
        if last is not None and span.start < last.end:
            last = Span(last.start, max(last.end, span.end))
            continue
        if last is not None:
            yield last
        last = span
    if last is not None:
        yield last
