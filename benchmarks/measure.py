"""How a figure comes about: latencies of single calls, in rounds that take turns.

The contenders are measured one after the other inside every round, and who begins changes, so
that whatever else the machine does meets all of them. A ratio is taken inside each round; the
median of these ratios is shown. Percentiles are of the calls of all rounds together.
"""

from __future__ import annotations

import gc
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

Contender = TypeVar("Contender")
Call = Callable[[], Any]


@dataclass(frozen=True)
class Round:
    """What one contender did in one round: seconds of every call, and from first to last."""

    latencies: list[float]
    seconds: float

    @property
    def median(self) -> float:
        return statistics.median(self.latencies)

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds


@dataclass
class Series:
    """The rounds of one contender."""

    rounds: list[Round] = field(default_factory=list)

    @property
    def median(self) -> float:
        return self.percentile(0.5)

    @property
    def rate(self) -> float:
        return statistics.median(one.rate for one in self.rounds)

    def percentile(self, fraction: float) -> float:
        """Seconds within which `fraction` of all calls came back."""
        latencies = sorted(latency for one in self.rounds for latency in one.latencies)
        return latencies[min(int(len(latencies) * fraction), len(latencies) - 1)]


def median_ratio(ours: Series, theirs: Series) -> float:
    """How many times as long as theirs our typical call takes."""
    return statistics.median(
        a.median / b.median for a, b in zip(ours.rounds, theirs.rounds, strict=True)
    )


def rate_ratio(ours: Series, theirs: Series) -> float:
    """How many times as much as they we do in the same time."""
    return statistics.median(
        a.rate / b.rate for a, b in zip(ours.rounds, theirs.rounds, strict=True)
    )


def take_turns(
    rounds: int,
    contenders: Mapping[str, Contender],
    measure: Callable[[Contender, int], Round],
) -> dict[str, Series]:
    """Call `measure(contender, number of the round)` for all in turns."""
    series = {name: Series() for name in contenders}
    names = list(contenders)
    gc.collect()
    gc.freeze()  # or every collection below walks through all that is imported
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            gc.collect()
            series[name].rounds.append(measure(contenders[name], number))
    return series


def timed(calls: Iterable[Call]) -> Round:
    """Make the calls one after the other in this thread."""
    latencies = []
    begin = time.perf_counter()
    for call in calls:
        start = time.perf_counter()
        call()
        latencies.append(time.perf_counter() - start)
    return Round(latencies, time.perf_counter() - begin)


def timed_in_threads(shares: Sequence[Sequence[Call]]) -> Round:
    """Make the calls of each share in a thread of its own, all starting together."""
    done: list[Round] = []
    gate = threading.Barrier(len(shares) + 1)

    def work(share: Sequence[Call]) -> None:
        gate.wait()
        done.append(timed(share))

    threads = [threading.Thread(target=work, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    gate.wait()
    begin = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begin
    if len(done) < len(shares):
        raise RuntimeError("a thread of the benchmark failed; its error is printed above")
    return Round([latency for one in done for latency in one.latencies], seconds)
