"""Print the table of recall, and with `--wrong` each pair that is answered otherwise.

python -m benchmarks.quality [--wrong] [postgresql://user@host/an_empty_database]
"""

from __future__ import annotations

import sys

from sqlalchemy import make_url

from benchmarks.quality.engines import store
from benchmarks.quality.pairs import TIERS
from benchmarks.quality.recall import asked, messages, table, wrong


def main(arguments: list[str]) -> None:
    """Write to standard output."""
    urls = [make_url(each) for each in arguments if "://" in each]
    if "--wrong" in arguments:
        with store(messages()) as search:
            found = asked(search)
        for tier in TIERS.values():
            for pair in wrong(found, tier):
                print(f"{tier}: line {pair.line}: {pair.typed!r} in {pair.stored[:80]!r}")
    print(table(urls[0] if urls else None))


if __name__ == "__main__":
    main(sys.argv[1:])
