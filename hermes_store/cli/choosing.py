"""The options that say which sessions a command means: those of `SessionFilter`, by its words."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import click

from hermes_store import SessionFilter, SessionRepository
from hermes_store.cli.completion import complete_sources
from hermes_store.cli.names import check_source, refuse_mistyped
from hermes_store.cli.times import TIME
from hermes_store.errors import InvalidArgumentError
from hermes_store.models.links import LINKS

__all__ = ["check_sources", "choosing_sessions"]

Options = Iterator[tuple[str, Callable[[Any], Any]]]
"""Fields of the filter, each with the decorator that adds its option."""

_LINKS = click.Choice(LINKS)
_RANGES: tuple[tuple[str, click.ParamType, str], ...] = (  # type: ignore[type-arg]  # generic since click 8.4
    ("messages", click.IntRange(min=0), "messages"),
    ("tokens", click.IntRange(min=0), "input and output tokens together"),
    ("cost", click.FloatRange(min=0), "US dollars"),
    ("tool_calls", click.IntRange(min=0), "tool calls"),
)
_TEXTS = {
    "model": ("--model", "NAME", "Only sessions of this model."),
    "provider": ("--provider", "NAME", "Only sessions billed by this provider."),
    "user_id": ("--user", "ID", "Only sessions of this user."),
    "key": ("--key", "KEY", "Only sessions with this key."),
    "cwd_prefix": ("--cwd", "DIR", "Only sessions whose folder begins so; . is this folder."),
    "title": ("--title", "WORDS", "Only sessions whose titles hold all these words."),
    "id_prefix": ("--id-prefix", "TEXT", "Only sessions whose ids begin so."),
}
_STATES: dict[str, dict[str, tuple[bool | None, str]]] = {
    "open": {
        "--open": (True, "Only sessions that have not ended."),
        "--ended": (False, "Only sessions that have ended."),
    },
    "archived": {
        "--archived": (True, "Only archived sessions."),
        "--not-archived": (False, "No archived sessions."),
        "--any": (None, "Archived sessions and the others."),
    },
    "pinned": {
        "--pinned": (True, "Only pinned sessions."),
        "--not-pinned": (False, "No pinned sessions."),
    },
}
"""Fields of the filter, each with its options: what an option asks for, and what it says."""
_OPTION_OF = {"source": "--source", **{name: option for name, (option, *_) in _TEXTS.items()}}


def choosing_sessions(
    *, archived: bool | None, of_messages: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the options of a `SessionFilter`, and the filter as its argument `which`.

    `archived` is what counts when no option says it. A command about messages (`of_messages`) has
    sources and times of its own, under the short names.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        options = dict(_options(of_messages=of_messages))

        @functools.wraps(command)
        def call(*arguments: Any, **given: Any) -> Any:
            asked = {name: given.pop(name) for name in options}
            return command(*arguments, which=_filter(asked, archived), **given)

        return functools.reduce(lambda made, add: add(made), reversed(options.values()), call)

    return decorate


def check_sources(
    repo: SessionRepository, which: SessionFilter, *, may_be_none: bool = False
) -> None:
    """Refuse a source that no session has, and one to leave out that looks mistyped.

    With `may_be_none` a source without sessions is no mistake, unless it looks mistyped.
    """
    only = [] if which.source is None else [which.source]
    (refuse_mistyped if may_be_none else check_source)(repo, only)
    refuse_mistyped(repo, which.exclude_sources)


def _filter(asked: dict[str, Any], archived: bool | None) -> SessionFilter:
    states = {"archived": archived, **_states_of(asked)}
    fields = {name: value for name, value in asked.items() if value is not None}
    try:
        return SessionFilter(**fields, **states)
    except InvalidArgumentError as exc:
        option = _OPTION_OF.get(exc.argument, exc.argument)
        raise InvalidArgumentError(_typed(option), _typed(exc.problem), exc.remedy) from exc


def _states_of(asked: dict[str, Any]) -> dict[str, Any]:
    """The fields of the states that were asked for; their options are taken out of `asked`."""
    found: dict[str, Any] = {}
    for field, options in _STATES.items():
        given = [option for option in options if asked.pop(_argument(option))]
        if len(given) > 1:
            problem = f"{' and '.join(given)} contradict each other: give one of them"
            raise click.UsageError(problem)
        if given:
            found[field] = options[given[0]][0]
    return found


def _argument(option: str) -> str:
    return option.removeprefix("--").replace("-", "_")


def _typed(said: str) -> str:
    """A sentence with the options of ranges in place of their fields."""
    fields = re.compile(r"\b(?:min|max|active|started)_[a-z_]+")
    return fields.sub(lambda field: f"--{field[0].replace('_', '-')}", said)


# --- the options ----------------------------------------------------------------------------------


def _options(*, of_messages: bool) -> Options:
    if not of_messages:
        yield from _sources()
    for name, (option, metavar, help_) in _TEXTS.items():
        folder = _folder if name == "cwd_prefix" else None
        yield name, click.option(option, name, metavar=metavar, callback=folder, help=help_)
    yield "link", click.option("--link", type=_LINKS, help="Only with this link to a parent.")
    yield from _states()
    yield from _times(short=not of_messages)
    for name, type_, what in _RANGES:
        yield from _bounds(name, type_, what)


def _sources() -> Options:
    only = "Only sessions from this source (cli, telegram, …)."
    yield "source", click.option("--source", shell_complete=complete_sources, help=only)
    yield (
        "exclude_sources",
        click.option(
            "--exclude-source",
            "exclude_sources",
            multiple=True,
            shell_complete=complete_sources,
            help="Leave out a source. May be repeated.",
        ),
    )


def _states() -> Options:
    for options in _STATES.values():
        for option, (_, help_) in options.items():
            name = _argument(option)
            yield name, click.option(option, name, is_flag=True, help=help_)


def _times(*, short: bool) -> Options:
    for of, did in (("started", "Started"), ("active", "Last active")):
        for end, when in (("since", "at this time or later"), ("until", "before this time")):
            names = [f"--{of}-{end}", *([f"--{end}"] if short and of == "started" else [])]
            help_ = f"{did} {when}: 7d, yesterday, 2026-03-01T14:30."
            yield f"{of}_{end}", click.option(*names, f"{of}_{end}", type=TIME, help=help_)


def _bounds(
    name: str,
    type_: click.ParamType,  # type: ignore[type-arg]  # generic since click 8.4
    what: str,
) -> Options:
    for bound, how in (("min", "At least"), ("max", "At most")):
        option = f"--{bound}-{name.replace('_', '-')}"
        help_ = f"{how} so many {what}."
        yield f"{bound}_{name}", click.option(option, type=type_, metavar="N", help=help_)


def _folder(_ctx: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """A folder as sessions have it: one that begins with a dot is meant from here."""
    return os.path.abspath(value) if value and value.startswith(".") else value  # noqa: PTH100 - Path.absolute() keeps ".."
