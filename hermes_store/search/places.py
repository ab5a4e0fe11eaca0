"""Where in a text the characters of its folding stand."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

__all__ = ["Places"]


class Places:
    """Looked up, because few are asked for."""

    def __init__(self, moved: list[tuple[int, int, int]]) -> None:
        """`moved`: of each cluster that is not one for one its end folded, its start and end."""
        self._moved = moved
        self._ends = [end for end, _, _ in moved]

    def __call__(self, at: int) -> int:
        """The place of the folded character at `at`; all of a cluster stand where it begins."""
        following = bisect_right(self._ends, at)
        place = at
        if following:
            folded_end, _, end = self._moved[following - 1]
            place += end - folded_end
        if following < len(self._moved):
            place = min(place, self._moved[following][1])
        return place

    def of(self, span: tuple[int, int]) -> tuple[int, int]:
        """Where a piece of the folding stands, with all of the clusters that it ends in."""
        place = end = span[1]
        following = bisect_left(self._ends, end)
        if following:
            folded_end, _, cluster_end = self._moved[following - 1]
            place += cluster_end - folded_end
        if following < len(self._moved) and self._moved[following][1] < place:
            place = self._moved[following][2]
        return self(span[0]), place
