"""How much is measured: the full run, a quick look, and the least that touches every row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Plan:
    """Numbers of rounds and calls. A round is one turn of each contender."""

    rounds: int = 9
    appends: int = 500
    """Messages a round, appended alone."""
    threaded_appends: int = 3_200
    """Messages a round, appended by 8 or 32 threads together."""
    looped_appends: int = 8_000
    """Messages a round, appended by the tasks of an event loop; by a single task a tenth."""
    process_appends: int = 500
    """Messages a round and process."""
    batches: int = 10
    """Calls of `append_messages` a round."""
    reads: int = 40
    """Loads, lists or searches a round; long ones fewer."""
    openings: int = 11
    """Processes that open a file."""
    stored_sessions: int = 2_000
    """Sessions of 20 messages in the file that is listed and loaded from."""
    searched_sessions: tuple[int, ...] = (2_000, 20_000)
    """Sessions of 20 messages in the files that are searched."""
    endurance: int = 100_000
    """Messages of the long run."""
    sized_sessions: int = 5_000
    """Sessions of 20 messages in the files whose sizes are compared."""
    changed_messages: int = 10_000
    """Messages of the conversation that is taken back and compacted."""
    paged_messages: int = 100_000
    """Messages of the conversation that a page is read from."""
    chained_sessions: int = 100_000
    """Sessions that are listed, half of them in chains."""
    longest_text: int = 10_000_000
    """Characters of the longest message that is appended; a power of ten."""
    prompt_length: int = 9_000
    """Characters of the system prompt of each of them."""
    server_settings: Mapping[str, str] = field(default_factory=dict)
    """Settings of the PostgreSQL server that are not its own."""


FULL = Plan()
QUICK = Plan(
    rounds=3,
    appends=200,
    threaded_appends=640,
    looped_appends=2_000,
    process_appends=100,
    batches=3,
    reads=8,
    openings=3,
    stored_sessions=200,
    searched_sessions=(200,),
    endurance=4_000,
    sized_sessions=200,
    changed_messages=1_000,
    paged_messages=4_000,
    chained_sessions=2_000,
)
TINY = Plan(
    rounds=1,
    appends=4,
    threaded_appends=32,
    looped_appends=100,
    process_appends=2,
    batches=1,
    reads=1,
    openings=1,
    stored_sessions=10,
    searched_sessions=(10,),
    endurance=20,
    sized_sessions=5,
    changed_messages=40,
    paged_messages=60,
    chained_sessions=100,
    longest_text=10_000,
    prompt_length=100,
    server_settings={"fsync": "off"},
)
PLANS = {"full": FULL, "quick": QUICK, "tiny": TINY}
