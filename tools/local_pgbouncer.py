"""A PgBouncer of one's own: in a temporary folder, on the loopback, never as root."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sqlalchemy import URL

from tools.local_postgres import free_port, server_user

_PATIENCE = 30.0
_SETTINGS = {
    "listen_addr": "127.0.0.1",
    "unix_socket_dir": "",
    "auth_type": "trust",
    "pool_mode": "transaction",
}


@cache
def binary() -> str | None:
    """The path of `pgbouncer`; None when there is none on this machine."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


def missing_pooler() -> str | None:
    """Why no pooler can be started here, and the remedy; None when one can."""
    return None if binary() else "no pooler: install Debian's package pgbouncer"


@contextmanager
def running(server: URL, settings: Mapping[str, str]) -> Iterator[URL]:
    """Run a pooler for the databases of `server`, by another user when this one is root.

    Gives the URL of the same database through the pooler.
    """
    user = pwd.getpwnam(server_user()) if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="hermes-pgbouncer-") as place:
        folder = Path(place)
        configuration = _configure(folder, server, {"listen_port": str(port), **settings})
        for each in (folder, *folder.iterdir()):
            os.chown(each, user.pw_uid, user.pw_gid)
        process = _start(configuration, user)
        try:
            _wait_for(process, port, folder / "log")
            yield server.set(host="127.0.0.1", port=port)
        finally:
            process.kill()
            process.wait()


def _configure(folder: Path, server: URL, settings: Mapping[str, str]) -> Path:
    users, configuration = folder / "users", folder / "pgbouncer.ini"
    users.write_text(f'"{server.username}" "{server.password or ""}"\n')
    whole = {**_SETTINGS, "auth_file": str(users), "logfile": str(folder / "log"), **settings}
    lines = ["[databases]", f"* = host={server.host} port={server.port or 5432}", "[pgbouncer]"]
    lines += [f"{name} = {value}" for name, value in whole.items()]
    configuration.write_text("\n".join(lines) + "\n")
    return configuration


def _start(configuration: Path, user: pwd.struct_passwd) -> subprocess.Popen[bytes]:
    program = binary()
    assert program is not None
    other = user.pw_uid != os.getuid()
    return subprocess.Popen(
        [program, "--quiet", configuration],
        user=user.pw_uid if other else None,
        group=user.pw_gid if other else None,
        extra_groups=[] if other else None,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text() if log.exists() else "nothing"
                raise RuntimeError(f"pgbouncer did not start: {said}") from None
            time.sleep(0.01)
        else:
            return
