"""What redaction takes for secrets in files that hold none: `python -m benchmarks.redaction PATH…`.

Prints each find with its file, so that a person can judge it, and then the sum: characters,
seconds, finds by kind. E-mail addresses are only counted; most of them are real.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from hermes_store.transfer.secrets import SECRETS


def finds(text: str) -> Iterator[tuple[str, str]]:
    """The kind and the text of each find."""
    lowered = text.lower()
    for secret in SECRETS:
        if any(hint in lowered for hint in secret.hints):
            for match in filter(secret.is_one, secret.pattern.finditer(text)):
                yield secret.kind, match[0]


def files(paths: tuple[Path, ...]) -> Iterator[Path]:
    for path in paths:
        yield from filter(Path.is_file, sorted(path.rglob("*")) if path.is_dir() else [path])


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
def main(paths: tuple[Path, ...]) -> None:
    """Print what is taken for a secret in PATHS, files or folders of text."""
    characters, counts, begun = 0, Counter[str](), time.perf_counter()
    for file in files(paths):
        text = file.read_text(encoding="utf-8", errors="replace")
        characters += len(text)
        for kind, found in finds(text):
            counts[kind] += 1
            if kind != "e-mail":
                print(f"{file}: {kind}: {found[:100]!r}")
    said = ", ".join(f"{kind} {number}" for kind, number in sorted(counts.items()))
    seconds = time.perf_counter() - begun
    print(f"{characters:,} characters, {seconds:.1f} s: {said or 'nothing'}")


if __name__ == "__main__":
    main()
