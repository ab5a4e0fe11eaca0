"""A message as a template shows it: texts with what was left out, images, calls of tools."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from hermes_store.values.pictures import in_one_line, one_line, plain, read
from hermes_store.values.written import when
from hermes_store.web.images import is_shown, url_of_image

__all__ = ["Call", "ImageAddress", "Limits", "MessageView", "Part", "Text", "views"]

_LONGEST_SUMMARY = 60
_LONGEST_NAME = 40
_LONGEST_ADDRESS = 500

_ELSEWHERE = re.compile("https?://")

ImageAddress = Callable[[Mapping[str, Any], int, str], str]
"""Gives the address of an image: of a message, the number of the part, its `data:` URL."""


@dataclass
class Text:
    """A text, whole or its beginning."""

    shown: str
    left_out: int = 0
    """Characters."""

    @classmethod
    def of(cls, text: str, longest: int | None) -> Text:
        """What can be shown of a text; its end is left out before that takes time."""
        return cls(plain(text[:longest]), 0 if longest is None else len(text[longest:]))

    def cut(self, longest: int) -> None:
        """Keep so many characters."""
        if len(self.shown) > longest:
            self.left_out += len(self.shown) - longest
            self.shown = self.shown[:longest]


@dataclass
class Part:
    """A piece of the content: a text, an image, or the address of an image elsewhere."""

    kind: Literal["text", "image", "link"]
    text: Text = field(default_factory=lambda: Text(""))
    href: str = ""


@dataclass
class Call:
    """A call of a tool."""

    name: str
    summary: str
    """The arguments in one line, the beginning of them."""
    arguments: Text


@dataclass
class MessageView:
    """What a template needs of a message."""

    id: int
    role: str
    name: str
    at: str
    state: str
    folded: bool
    """Whether the content is folded: what a tool returned."""
    summary: str
    """The beginning of the content in one line, where it is folded."""
    parts: list[Part]
    reasoning: Text | None
    calls: list[Call]
    more: int = 0
    """Parts and calls that are left out."""

    @property
    def left_out(self) -> int:
        """Characters of the texts that are left out."""
        return sum(text.left_out for text, _ in self.texts())

    def texts(self) -> Iterator[tuple[Text, bool]]:
        """Each text, and whether it is folded."""
        yield from ((part.text, self.folded) for part in self.parts)
        if self.reasoning:
            yield self.reasoning, True
        yield from ((call.arguments, True) for call in self.calls)


@dataclass(frozen=True)
class Limits:
    """How much is shown of a message; None: all."""

    pieces: int | None = None
    """Parts, and calls."""
    characters: int | None = None
    """Of each text."""


def views(
    messages: Sequence[Mapping[str, Any]], image: ImageAddress, limits: Limits = Limits()
) -> list[MessageView]:
    """Return the views of messages, whole or within limits."""
    return [_view(each, image, limits) for each in messages]


def _view(message: Mapping[str, Any], image: ImageAddress, limits: Limits) -> MessageView:
    given, called = _listed(message["content"]), _listed(message["tool_calls"])
    most, longest = limits.pieces, limits.characters
    parts = [
        _part(part, partial(image, message, number), longest)
        for number, part in enumerate(given[:most])
    ]
    folded = message["role"] == "tool"
    return MessageView(
        id=message["id"],
        role=one_line(message["role"])[:_LONGEST_NAME],
        name=one_line(message["tool_name"] or message["name"])[:_LONGEST_NAME],
        at=when(message["timestamp"]),
        state=one_line(message["state"]),
        folded=folded,
        summary=_beginning(parts[0].text.shown) if folded and parts else "",
        parts=parts,
        reasoning=_reasoning(message, longest),
        calls=[_call(call, longest) for call in called[:most]],
        more=0 if most is None else len(given[most:]) + len(called[most:]),
    )


def _listed(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]


def _part(part: Any, image: Callable[[str], str], longest: int | None) -> Part:
    url = url_of_image(part)
    if url is not None and is_shown(url):
        return Part("image", href=image(url))
    if url is not None and url[:_LONGEST_ADDRESS] == url and _ELSEWHERE.match(url):
        return Part("link", Text.of(one_line(url), longest), href=url)
    return Part("text", Text.of(_text_of(part), longest))


def _text_of(part: Any) -> str:
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return str(part["text"])
    return _json(part)


def _json(value: Any) -> str:
    """A text as it is, JSON of another value."""
    if isinstance(value, (str, bytes)):
        return read(value)
    return json.dumps(value, ensure_ascii=False, indent=1, default=str)


def _reasoning(message: Mapping[str, Any], longest: int | None) -> Text | None:
    said = message["reasoning"] or message["reasoning_details"] or message["codex_reasoning_items"]
    return Text.of(_json(said), longest) if said else None


def _call(call: Any, longest: int | None) -> Call:
    """A call in the form of OpenAI (function) or of Anthropic (input); another as it is."""
    described = call.get("function", call) if isinstance(call, Mapping) else None
    if not isinstance(described, Mapping) or not isinstance(described.get("name"), str):
        name, given = "", call
    else:
        name, given = described["name"], described.get("arguments", described.get("input"))
    text = Text.of("" if given is None else _json(given), longest)
    return Call(one_line(name)[:_LONGEST_NAME], _beginning(text.shown), text)


def _beginning(text: str) -> str:
    line = in_one_line(text[: 4 * _LONGEST_SUMMARY])
    return line if len(line) <= _LONGEST_SUMMARY else line[: _LONGEST_SUMMARY - 1] + "…"
