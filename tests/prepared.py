"""Children of the tests that need not import SQLAlchemy anew: `run` and `Popen` as of `subprocess`.

One process of Python imports the libraries and waits. For each child it forks and gives the fork
the arguments, folder, environment and streams of that child, which runs and ends as an interpreter
does. A child whose path names the package of this checkout finds it imported, too; any other imports
its own. No process that is forked has ever opened a database. Where a test is about how an interpreter
starts, or what is imported when, use `subprocess` itself.
"""

import atexit
import contextlib
import gc
import importlib
import importlib.machinery
import os
import pickle
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import types
import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

LIBRARIES = (
    "alembic.command", "alembic.config", "asyncio", "click", "psycopg", "rich.progress", "rich.table",
    "sqlalchemy.dialects.postgresql.psycopg", "sqlalchemy.dialects.sqlite", "sqlalchemy.orm",
    "sqlalchemy_utils",
)  # fmt: skip
ROOT = Path(__file__).resolve().parents[1]
PACKAGE = (
    "hermes_store.cli.app",
    "hermes_store.execution.store",
    "hermes_store.migrate",
    "hermes_store.repository",
)
Child = tuple[list[str], str, dict[str, str]]
"""The words behind the interpreter's name, the folder, the environment."""

_lock = threading.Lock()


# --- in the test ----------------------------------------------------------------------------------


class Popen(subprocess.Popen[Any]):
    """`subprocess.Popen` of a Python program: its first argument is `sys.executable`."""

    _ended: int | None = None
    """Where the number of the child comes, and how it ended."""

    def _execute_child(self, args: Any, *rest: Any) -> None:
        given = os.environ if rest[5] is None else rest[5]
        env = {name: os.fspath(value) for name, value in given.items()}
        if _start(env) == _start(os.environ):
            child = (
                [os.fspath(word) for word in args[1:]],
                str(Path(rest[4] or ".").absolute()),
                env,
            )
            self._ask_for(child, *rest[9:15])
        else:
            super()._execute_child(args, *rest)  # type: ignore[misc]

    def _ask_for(self, child: Child, *pipes: int) -> None:
        stdin, _, _, stdout, _, stderr = pipes
        streams = [place if fd == -1 else fd for place, fd in enumerate((stdin, stdout, stderr))]
        self._ended, theirs = os.pipe()
        with _lock:
            socket.send_fds(_server(), [pickle.dumps(child)], [*streams, theirs])
        os.close(theirs)
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]
        self.pid = int(os.read(self._ended, 16))
        self._child_created = True

    def poll(self) -> int | None:
        if self._ended is None:
            return super().poll()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self._ended is None:
            return super().wait(timeout)
        with self._waitpid_lock:  # type: ignore[attr-defined]
            if self.returncode is None:
                if not select.select([self._ended], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired(self.args, timeout or 0)
                self.returncode = os.waitstatus_to_exitcode(int(os.read(self._ended, 16)))
                os.close(self._ended)
        return self.returncode


def run(command: Any, *, check: bool = False, timeout: float | None = None, **options: Any) -> Any:
    """As `subprocess.run`; with `capture_output` and `input`, too."""
    given = options.pop("input", None)
    if given is not None:
        options["stdin"] = subprocess.PIPE
    if options.pop("capture_output", False):
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Popen(command, **options) as process:
        try:
            out, err = process.communicate(given, timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
    if check:
        done.check_returncode()
    return done


def _start(environment: Mapping[str, str]) -> dict[str, str]:
    """What an interpreter looks at only when it starts, and the prepared one had other values of."""
    names = ("PYTHON", "LC_", "LANG", "LD_")
    looked_at = {name: value for name, value in environment.items() if name.startswith(names)}
    looked_at.pop("PYTHONPATH", None)
    return looked_at


@cache
def _server() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.Popen([sys.executable, "-P", __file__], stdin=theirs, env=environment)
    theirs.close()
    atexit.register(process.wait)
    atexit.register(ours.close)  # before it is waited for: then it ends
    return ours


# --- in the prepared process ----------------------------------------------------------------------


def serve() -> Child | None:
    """Fork for each child that is asked for; what it is, in the child; None when all is over."""
    connection = socket.socket(fileno=os.dup(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        told, fds, _, _ = socket.recv_fds(connection, 1 << 20, 4)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not told:
            return None
        if os.fork() == 0:
            connection.close()
            if _is_child(*fds):
                return pickle.loads(told)
        for fd in fds:
            os.close(fd)


def _is_child(*fds: int) -> bool:
    """Fork once more: the parent tells how the child ended, which nobody else could."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    child = os.fork()
    if child:
        os.write(fds[3], f"{child:<16}".encode())
        _, status = os.waitpid(child, 0)
        with contextlib.suppress(BrokenPipeError):  # the test is over
            os.write(fds[3], f"{status:<16}".encode())
        os._exit(0)
    for place, fd in enumerate(fds[:3]):
        os.dup2(fd, place)
    for fd in fds:
        os.close(fd)
    return True


def become(words: list[str], folder: str, environment: dict[str, str]) -> None:
    """Be the interpreter that was started with these words."""
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    for name, place, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        before = getattr(sys, name)
        lines = name == "stderr" or os.isatty(place)
        stream = os.fdopen(
            place, mode, 1 if lines else -1, before.encoding, before.errors, closefd=False
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    while words[0] == "-W":
        warnings._processoptions(words[1:2])  # type: ignore[attr-defined]
        del words[:2]
    importlib.invalidate_caches()
    path = environment.get("PYTHONPATH")
    sys.path[:0] = path.split(os.pathsep) if path else []


def prepare() -> None:
    """Import the libraries, and the package of this checkout."""
    sys.path.insert(0, str(ROOT))
    for library in (*LIBRARIES, *PACKAGE):
        with contextlib.suppress(ModuleNotFoundError):  # without a driver those tests do not run
            importlib.import_module(library)
    sys.path.remove(str(ROOT))
    gc.collect()
    gc.freeze()


def forget_another_package() -> None:
    """Leave the package to the child's own import, where its path does not name the prepared one."""
    found = importlib.machinery.PathFinder.find_spec("hermes_store")
    if found is None or found.origin != sys.modules["hermes_store"].__file__:
        for name in [each for each in sys.modules if each.split(".")[0] == "hermes_store"]:
            del sys.modules[name]


def play(words: list[str]) -> None:
    """Run the module, the code or the file that the words name."""
    if words[0] == "-m":
        sys.argv[:] = words[1:]
        sys.path.insert(0, str(Path.cwd()))
        forget_another_package()
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    elif words[0] == "-c":
        sys.argv[:] = ["-c", *words[2:]]
        sys.path.insert(0, "")
        forget_another_package()
        sys.modules["__main__"] = main = types.ModuleType("__main__")
        exec(compile(words[1], "<string>", "exec"), main.__dict__)
    else:
        sys.argv[:] = words
        sys.path.insert(0, str(Path(words[0]).absolute().parent))
        forget_another_package()
        runpy.run_path(words[0], run_name="__main__")


def end(words: list[str]) -> None:
    """Play, and end as an interpreter does, but free nothing: to free a copied page copies it."""
    code: object = None
    try:
        play(words)
    except SystemExit as exc:
        code = exc.code
    if not isinstance(code, int | None):
        sys.exit(code)  # which prints it
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit((code or 0) & 255)


if __name__ == "__main__":
    prepare()
    if child := serve():
        become(*child)
        end(child[0])
