"""A PostgreSQL primary and a hot standby on the loopback: `python -m tools.standby` starts them.

The primary acknowledges a commit when the standby has applied it (`synchronous_commit =
remote_apply`). https://www.postgresql.org/docs/current/warm-standby.html describes both.
"""

from __future__ import annotations

import contextlib
import signal
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import URL

from tools import local_postgres

__all__ = ["Pair", "pair"]


@dataclass(frozen=True)
class Pair:
    """Two servers. Their URLs are a superuser's."""

    primary: URL
    standby: URL
    folder: Path

    def either(self) -> URL:
        """The URL of whichever of the two takes writes."""
        hosts = [f"{url.host}:{url.port}" for url in (self.standby, self.primary)]
        url = URL.create("postgresql+psycopg", self.primary.username, database="postgres")
        return url.update_query_dict({"host": hosts, "target_session_attrs": "read-write"})

    def fail_over(self) -> None:
        """End the primary as a crash would, and promote the standby."""
        local_postgres.stop(self.folder / "primary")
        local_postgres.promote(self.folder / "standby")


@contextlib.contextmanager
def pair(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Pair]:
    """Start both in `folder`, which the servers' user can reach, and stop them at the end."""
    folders = [folder / "primary", folder / "standby"]
    for each in folders:
        each.mkdir()
    with contextlib.ExitStack() as running:
        primary = local_postgres.start(folders[0], settings or {})
        running.callback(_stop, folders[0])
        standby = local_postgres.start_standby(folders[1], primary, settings or {})
        running.callback(_stop, folders[1])
        _wait_for_the_standby(primary)
        yield Pair(primary, standby, folder)


def _stop(folder: Path) -> None:
    with contextlib.suppress(RuntimeError):  # it failed over
        local_postgres.stop(folder)


def _wait_for_the_standby(primary: URL) -> None:
    """From now on a commit waits until the standby has applied it. The standby's copy says else."""
    with psycopg.connect(primary.render_as_string(hide_password=False), autocommit=True) as server:
        for setting in ("synchronous_standby_names = '*'", "synchronous_commit = remote_apply"):
            server.execute(f"ALTER SYSTEM SET {setting}")  # type: ignore[arg-type]  # a constant
        server.execute("SELECT pg_reload_conf()")


def main() -> None:
    """Run a pair until Ctrl-C."""
    with tempfile.TemporaryDirectory(prefix="hermes-standby-") as name:
        Path(name).chmod(0o755)
        with pair(Path(name)) as servers, contextlib.suppress(KeyboardInterrupt):
            for title in ("primary", "standby"):
                print(f"{title}: {getattr(servers, title).set(drivername='postgresql+psycopg')}")  # noqa: T201 - what it is run for
            print(f"whichever takes writes: {servers.either()}", flush=True)  # noqa: T201 - what it is run for
            signal.pause()


if __name__ == "__main__":
    main()
