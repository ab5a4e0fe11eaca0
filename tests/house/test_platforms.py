"""Every platform: what only POSIX has is not needed, and paths of Windows are understood."""

import ast
import os
import subprocess
import sys
from pathlib import Path, PureWindowsPath

import pytest

import hermes_store
from hermes_store.database import address
from hermes_store.errors import InvalidArgumentError

PACKAGE = Path(hermes_store.__file__).parent
ONLY_POSIX = [
    *("register_at_fork", "fork", "forkpty", "getuid", "geteuid", "getgid", "getegid", "getpgid"),
    *("fchmod", "fchown", "chown", "lchown", "mkfifo", "mknod", "getpwuid", "statvfs", "fdatasync"),
    *("posix_fallocate", "posix_fadvise", "pread", "pwrite", "sendfile", "uname", "nice", "umask"),
    *("O_NOFOLLOW", "O_DIRECTORY", "O_CLOEXEC", "O_NONBLOCK", "O_NOCTTY", "O_SYNC", "O_DSYNC"),
    *("killpg", "waitpid", "wait", "WNOHANG", "sched_getaffinity", "setsid", "openpty"),
]
MODULES = ["fcntl", "pwd", "grp", "termios", "tty", "pty", "resource", "syslog"]
WITHOUT_POSIX = f"""
import importlib, os, pathlib, pkgutil, signal, sys
import sqlalchemy, sqlalchemy.orm, click, rich.console, rich.table, rich.progress, alembic.command
import subprocess, multiprocessing, logging.config, tempfile  # the libraries' own affair
for name in {ONLY_POSIX}:
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGKILL", "SIGHUP", "SIGPIPE", "SIGALRM", "SIGUSR1", "SIGQUIT", "SIGSTOP"):
    delattr(signal, name)
for name in {MODULES}:
    sys.modules[name] = None
os.kill = lambda *_: sys.exit("os.kill: on Windows it ends the process, whatever the signal")
folder = pathlib.Path(sys.argv[1])
"""
OF_FRAMEWORKS = (
    "hermes_store.adapters.claude_agent_sdk",
    "hermes_store.adapters.google_adk",
    "hermes_store.adapters.openai_agents",
    "hermes_store.adapters.pydantic_ai",
    "hermes_store.adapters.pydantic_json",
    "hermes_store.adapters.strands",
    "hermes_store.cli.browsing",
    "hermes_store.mcp.http",
    "hermes_store.mcp.server",
)
"""They import a package that is not installed here; its suites import them."""
IMPORT = f"""
import hermes_store
for found in pkgutil.walk_packages(hermes_store.__path__, "hermes_store."):
    if not found.name.endswith("__main__") and not found.name.startswith({OF_FRAMEWORKS}):
        importlib.import_module(found.name)
"""
USE = """
from hermes_store import SessionRepository, migrate
from hermes_store.cli.app import run
migrate.upgrade(folder / "old.db", "0008")
for name in ("new.db", "old.db"):
    with SessionRepository(folder / name) as repository:
        repository.create_session("s", "test")
        repository.append_message("s", "user", "needle")
        assert repository.search_messages("needle")
        repository.reindex()
        repository.optimize()
        assert repository.check() == []
    for command in (["list"], ["search", "needle"], ["doctor"], ["current"], ["stats"]):
        assert run(["--db", str(folder / name), *command]) == 0, command
"""


@pytest.mark.parametrize("code", [IMPORT, USE], ids=["imported", "used"])
def test_the_package_works_without_what_only_posix_has(tmp_path: Path, code: str) -> None:
    command = [sys.executable, "-W", "error", "-c", WITHOUT_POSIX + code, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent), "HERMES_STORE_SQLITE": "sqlite3"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def unguarded(path: Path) -> list[str]:
    """Names of POSIX that a module uses while it is imported, outside of any `if`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    statements = [each for each in tree.body if not isinstance(each, (ast.If, ast.Try))]
    found = []
    for statement in statements:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Attribute) and node.attr in ONLY_POSIX:
                found.append(f"{path.name}: {node.attr}")
            if isinstance(node, ast.Import):
                found += [each.name for each in node.names if each.name in MODULES]
    return found


def test_no_module_uses_posix_unguarded_at_import() -> None:
    assert [name for path in PACKAGE.rglob("*.py") for name in unguarded(path)] == []


@pytest.mark.parametrize(
    "given",
    [
        "C:\\Users\\me\\state.db",
        "C:/Users/me/state.db",
        "c://Users/me/state.db",
        "\\\\server\\share\\state.db",
        PureWindowsPath("C:/Users/me/state.db"),
    ],
)
def test_a_path_of_windows_is_a_path_and_no_url(given: str | os.PathLike[str]) -> None:
    url = address.url_of(given)
    assert url.drivername == "sqlite"
    assert str(url.database).endswith(os.fspath(given).replace("//", "/"))


@pytest.mark.parametrize(
    "written", ["sqlite:///C:/Users/me/state.db", "sqlite:///C:\\Users\\me\\state.db"]
)
def test_a_url_with_a_drive_letter_keeps_it(written: str) -> None:
    assert str(address.url_of(written).database).endswith(written.removeprefix("sqlite:///"))


@pytest.mark.parametrize("given", ["mysql://host/db", "d1://host/db"])
def test_other_databases_are_refused_as_before(given: str) -> None:
    with pytest.raises(InvalidArgumentError, match="is not a supported database"):
        address.url_of(given)
