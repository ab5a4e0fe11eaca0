"""What an import of other programs' logs takes: `python -m benchmarks.logs [--megabytes 1000]`.

Makes a file of the wanted size, imports it by the command in a process of its own, and prints time,
rate and the greatest memory of that process. The file is deleted afterwards.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import click

from benchmarks import report
from benchmarks.corpus import Corpus

MESSAGES = 40
"""Of a conversation of ChatGPT; of a transcript of Claude Code all are of one session."""
BRANCH_AT = 10
CHARACTERS = 2_000
"""Of a message."""


@click.command()
@click.option("--megabytes", type=int, multiple=True, help="Of a file; may be repeated.")
@click.option("--format", "formats", type=click.Choice(["chatgpt", "claude-code"]), multiple=True)
@click.option("--folder", type=click.Path(path_type=Path), help="Where file and store are made.")
def main(megabytes: tuple[int, ...], formats: tuple[str, ...], folder: Path | None) -> None:
    """Import files of other programs; print time and memory."""
    with tempfile.TemporaryDirectory(prefix="logs-", dir=folder) as temporary:
        print(f"{'; '.join(report.machine(Path(temporary)))}.\n")
        print("| format | file | messages | seconds | MB/s | greatest memory |")
        print("|---|---:|---:|---:|---:|---:|")
        for name in formats or ("chatgpt", "claude-code"):
            for size in megabytes or (100, 1_000):
                print(_row(name, size * 1_000_000, Path(temporary)), flush=True)


def _row(name: str, size: int, folder: Path) -> str:
    path, store = folder / f"{name}.json", folder / f"{name}.db"
    with path.open("w", encoding="utf-8") as stream:
        messages = WRITERS[name](stream, size)
    seconds, memory = _imported(path, store)
    megabytes = path.stat().st_size / 1e6
    for each in folder.iterdir():
        each.unlink()
    return (
        f"| {name} | {megabytes:,.0f} MB | {messages:,} | {seconds:.0f} | "
        f"{megabytes / seconds:.1f} | {memory / 1e6:.0f} MB |"
    )


def _imported(path: Path, store: Path) -> tuple[float, int]:
    """How long the command takes, and the most bytes that its process held."""
    command = [sys.executable, "-m", "hermes_store", "--db", str(store), "import", str(path)]
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise SystemExit(f"the import of {path} failed")
    return time.perf_counter() - begin, used.ru_maxrss * 1024


# --- files ----------------------------------------------------------------------------------------


def _chatgpt(stream: IO[str], size: int) -> int:
    """Conversations of `MESSAGES` messages; every one of them has a branch."""
    corpus, messages, number, written = Corpus(), 0, 0, stream.write("[")
    while written < size:
        nodes = {each["id"]: each for each in _nodes(number, corpus)}
        current = {"current_node": f"{number}-{MESSAGES - 1}", "title": f"Talk {number}"}
        value = {**current, "create_time": 1.7e9, "mapping": nodes, "id": f"talk-{number}"}
        written += stream.write(f"{',' if number else ''}\n{json.dumps(value)}")
        messages, number = messages + len(nodes), number + 1
    stream.write("]")
    return messages


def _nodes(number: int, corpus: Corpus) -> Iterator[dict]:
    for place in range(MESSAGES + 1):
        parent = f"{number}-{place - 1 if place < MESSAGES else BRANCH_AT}"
        author = {"role": "assistant" if place % 2 else "user", "metadata": {}}
        content = {"content_type": "text", "parts": [corpus.system_prompt(CHARACTERS)]}
        message = {"author": author, "content": content, "create_time": 1.7e9 + place}
        yield {"id": f"{number}-{place}", "parent": parent, "message": message, "children": []}


def _claude_code(stream: IO[str], size: int) -> int:
    corpus, number, written = Corpus(), 0, 0
    while written < size:
        role = "assistant" if number % 2 else "user"
        message = {
            "role": role,
            "content": [{"type": "text", "text": corpus.system_prompt(CHARACTERS)}],
        }
        of_session = {"sessionId": "long", "cwd": "/srv/code", "timestamp": "2026-01-02T10:00:00Z"}
        line = {"type": role, "uuid": f"u{number}", **of_session, "message": message}
        written += stream.write(json.dumps(line) + "\n")
        number += 1
    return number


WRITERS: dict[str, Callable[[IO[str], int], int]] = {
    "chatgpt": _chatgpt,
    "claude-code": _claude_code,
}

if __name__ == "__main__":
    main()
