"""A PostgreSQL server of one's own: in a given folder, on the loopback, never as root."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import URL

_USERS = ("postgres", "nobody")


@cache
def binaries() -> Path | None:
    """The folder with `initdb` and `pg_ctl`; None when there is none on this machine."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(debian, key=lambda folder: int(folder.parent.name), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    return None


def missing_server() -> str | None:
    """Why no server can be started here, and the remedy; None when one can."""
    return None if binaries() else "no server: install Debian's package postgresql"


def missing_driver() -> str | None:
    """Why no server can be used, and the remedy; None when one can."""
    if find_spec("psycopg") is None:
        return "the driver is not installed: pip install 'hermes-store[postgresql]'"
    return None


def start(folder: Path, settings: Mapping[str, str]) -> URL:
    """Start a server in `folder`, as another user when this one is root; the superuser's URL.

    That user must be able to reach the folder: it is opened, those above it are the caller's.
    """
    data = _new_data(folder)
    _run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
    return _serve(folder, settings)


def start_standby(folder: Path, primary: URL, settings: Mapping[str, str]) -> URL:
    """Start a hot standby of a server in `folder`, which follows it from now on; its URL."""
    of_primary = ("-h", primary.host, "-p", primary.port, "-U", primary.username)
    data = _new_data(folder)
    _run("pg_basebackup", "-D", data, *of_primary, "-X", "stream", "-R", "-c", "fast")
    return _serve(folder, settings)


def promote(folder: Path) -> None:
    """Make a standby a primary."""
    _control(folder, "promote", "-w")


def _new_data(folder: Path) -> Path:
    folder.chmod(0o755)
    data = folder / "data"
    data.mkdir(mode=0o700)
    if os.getuid() == 0:
        user = pwd.getpwnam(server_user())
        os.chown(data, user.pw_uid, user.pw_gid)
    return data


def _serve(folder: Path, settings: Mapping[str, str]) -> URL:
    port = free_port()
    here = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": ""}
    options = " ".join(f"-c {name}='{value}'" for name, value in {**settings, **here}.items())
    _control(folder, "start", "-w", "-o", options, "-l", folder / "data" / "log")
    return URL.create("postgresql", "postgres", host="127.0.0.1", port=port, database="postgres")


def stop(folder: Path) -> None:
    """Stop the server at once; what it stored is not needed any more."""
    _control(folder, "stop", "-m", "immediate")


def _control(folder: Path, *arguments: object) -> None:
    _run("pg_ctl", "-D", folder / "data", *arguments)


def _run(program: str, *arguments: object) -> None:
    """Run one of PostgreSQL's programs: none of them works for root."""
    folder = binaries()
    assert folder is not None
    user = server_user() if os.getuid() == 0 else None
    done = subprocess.run(
        [folder / program, *map(str, arguments)],
        check=False,
        user=user,
        group=None if user is None else pwd.getpwnam(user).pw_gid,
        extra_groups=None if user is None else [],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # a pipe would stay open as long as the server runs
        stderr=subprocess.DEVNULL,
    )
    if done.returncode:
        raise RuntimeError(f"{program} {arguments} failed with {done.returncode}")


def server_user() -> str:
    """The user that runs a server when this one is root."""
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in _USERS if name in known)


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
