"""Cut the piece of a message that shows best why it was found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice

from hermes_store.search.alphabet import SEPARATORS
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
    """The first window that shows most phrases; one that cannot show more is not made."""
    best, most = Span(0, 0), 0
    for span, _ in found:
        reach = Span(span.start - _MOST_CHARACTERS // 3, span.start + _MOST_CHARACTERS)
        if _phrases_in(reach, found) > most:
            window = _window(text, span)
            shown = _phrases_in(window, found)
            if shown > most:
                best, most = window, shown
    return best


def _phrases_in(window: Span, found: Sequence[tuple[Span, int]]) -> int:
    start, end = window
    return len({number for span, number in found if start <= span[0] and span[1] <= end})


def _window(text: str, match: Span) -> Span:
    """Whole words around `match`: some before it, and what is left of the forty from it on."""
    earliest = max(0, match.start - _MOST_CHARACTERS // 3)
    start, before = _words_before(text[earliest : match.start])
    start += earliest
    latest = max(match.end, min(len(text), start + _MOST_CHARACTERS))
    ahead = _words(LONGEST - before, text.isascii()).match(text, match.start, latest)
    end = latest
    if ahead and WORD.search(text, ahead.end(), latest):
        end = ahead.end()
    return Span(start, max(end, match.end))


def _words_before(text: str) -> tuple[int, int]:
    """Where the tenth word from the end of `text` begins, and that it is the tenth; or fewer."""
    backwards = _words(_WORDS_BEFORE, text.isascii()).match(text[::-1])
    if backwards:
        return len(text) - backwards.end(), _WORDS_BEFORE
    return 0, len(WORD.findall(text))


@lru_cache(maxsize=2 * LONGEST)
def _words(number: int, ascii_only: bool) -> re.Pattern[str]:
    """So many words in a row, found in one step."""
    gap, word = (
        ("[^0-9A-Za-z]", "[0-9A-Za-z]++") if ascii_only else (f"[{SEPARATORS}]", WORD.pattern)
    )
    return re.compile(f"(?:{gap}*+(?>{word})){{{number}}}")


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
