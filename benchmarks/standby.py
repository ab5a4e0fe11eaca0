"""What a standby costs and how long a failover takes: `python -m benchmarks.standby`.

Eight threads append to a primary on the loopback: alone, then with a standby that has to apply each
commit. Then the primary ends as in a crash and the standby is promoted, while they go on.
"""

from __future__ import annotations

import itertools
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from benchmarks import report
from benchmarks.measure import Round, timed_in_threads
from hermes_store import SessionRepository, migrate
from hermes_store.errors import OutcomeUnknownError, StoreReadOnlyError, StoreUnavailableError
from tools import local_postgres
from tools.standby import pair

FAILED = (StoreUnavailableError, OutcomeUnknownError, StoreReadOnlyError)


@click.command()
@click.option("--threads", default=8, show_default=True)
@click.option("--appends", default=2_000, show_default=True, help="For each of the rates.")
def main(threads: int, appends: int) -> None:
    """Print rates and waits without and with a standby, and the longest wait of a failover."""
    with tempfile.TemporaryDirectory(prefix="hermes-standby-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "alone").mkdir()
        url = local_postgres.start(folder / "alone", {})
        _show("one server", _rate(_store(url), threads, appends))
        local_postgres.stop(folder / "alone")
        with pair(folder) as servers:
            _show("with a standby", _rate(_store(servers.primary), threads, appends))
            waits = _failover(servers.either(), threads, servers.fail_over)
            print(f"failover: the longest wait of a thread {max(waits):.2f} s")
        print("; ".join(report.machine(folder)))


def _store(server: Any) -> Any:
    url = server.set(drivername="postgresql+psycopg")
    migrate.upgrade(url)
    return url


def _rate(url: Any, threads: int, appends: int) -> Round:
    with SessionRepository(url) as repo:
        repo.create_session("rate", "cli")
        append = partial(repo.append_message, "rate", "user", "a message of some words")
        return timed_in_threads([[append] * (appends // threads)] * threads)


def _show(title: str, measured: Round) -> None:
    taken = sorted(measured.latencies)
    p99 = taken[len(taken) * 99 // 100]
    waits = f"p50 {measured.median * 1e3:.2f} ms, p99 {p99 * 1e3:.1f} ms"
    print(f"{title}: {measured.rate:,.0f} appends a second, {waits}")


def _failover(url: Any, threads: int, fail_over: Callable[[], None]) -> list[float]:
    """The longest wait of each thread from the first try of a message to its acknowledgement."""
    done = threading.Event()
    waits = [0.0] * threads
    with SessionRepository(url) as repo:
        repo.create_session("failover", "cli")

        def write(mine: int) -> None:
            for number in itertools.count():
                begun = time.perf_counter()
                _until_stored(repo, f"{mine}.{number}")
                waits[mine] = max(waits[mine], time.perf_counter() - begun)
                if done.is_set():
                    return

        def end_the_primary() -> None:
            time.sleep(0.5)
            fail_over()
            done.set()

        writers = [[partial(write, mine)] for mine in range(threads)]
        timed_in_threads([*writers, [end_the_primary]])
        kept = repo.get_messages("failover")
        assert len({each["content"] for each in kept}) == len(kept)
    return waits


def _until_stored(repo: SessionRepository, key: str) -> None:
    while True:
        try:
            repo.append_message("failover", "user", key, external_id=key)
        except FAILED:
            continue
        return


if __name__ == "__main__":
    main()
