"""Figures of a store in the text format that Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hermes_store.cli.text import one_line

__all__ = ["exposition"]

_GAUGES = {
    "sessions": ("sessions", "Sessions in the store."),
    "messages": ("messages", "Messages in the store."),
    "file_bytes": ("file_bytes", "Size of the SQLite file."),
    "log_bytes": ("log_bytes", "Length of the write-ahead log."),
}
"""Figures of `get_stats` that are of the store, not of the process that asks."""

_BY_SOURCE = {
    "sessions": ("source_sessions", "Sessions by source."),
    "message_count": ("source_messages", "Messages by source."),
    "input_tokens": ("source_input_tokens", "Input tokens by source."),
    "output_tokens": ("source_output_tokens", "Output tokens by source."),
    "cost_usd": ("source_cost_usd", "Cost in US dollars by source: actual, else estimated."),
}
_INFO = ("revision", "library", "version", "journal_mode", "synchronous")


def exposition(stats: Mapping[str, Any]) -> str:
    """Return the figures of `hermes-store stats`, a line each, with their help and type."""
    return "".join(f"{line}\n" for line in _lines(stats))


def _lines(stats: Mapping[str, Any]) -> Iterator[str]:
    facts = {name: str(stats[name]) for name in _INFO if stats.get(name) is not None}
    yield from _metric("info", "Schema and library of the store.", [(facts, 1)])
    for figure, (name, about) in _GAUGES.items():
        if stats.get(figure) is not None:
            yield from _metric(name, about, [({}, stats[figure])])
    for figure, (name, about) in _BY_SOURCE.items():
        rows = [({"source": row["source"]}, row[figure]) for row in stats["usage"]]
        yield from _metric(name, about, rows)


def _metric(name: str, about: str, samples: list[tuple[dict[str, str], float]]) -> Iterator[str]:
    if samples:
        yield f"# HELP hermes_store_{name} {about}"
        yield f"# TYPE hermes_store_{name} gauge"
    for labels, value in samples:
        inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        yield f"hermes_store_{name}{f'{{{inside}}}' if inside else ''} {value!r}"


def _escaped(text: str) -> str:
    return one_line(text).replace("\\", "\\\\").replace('"', '\\"')
