"""A message as a template shows it: texts with what was left out, images, calls of tools."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from hermes_store.values.pictures import in_one_line, one_line, plain, read
from hermes_store.values.written import when
from hermes_store.web.images import is_shown, url_of_image

__all__ = ["Call", "MessageView", "Part", "Text", "views"]

_LONGEST_SUMMARY = 80
_LONGEST_NAME = 100

ImageAddress = Callable[[Mapping[str, Any], int, str], str]
"""Gives the address of an image: of a message, the number of the part, its `data:` URL."""


@dataclass
class Text:
    """A text, whole or its beginning."""

    shown: str
    left_out: int = 0
    """Characters."""

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

    def texts(self) -> Iterator[tuple[Text, bool]]:
        """Each text, and whether it is folded."""
        yield from ((part.text, self.folded) for part in self.parts)
        if self.reasoning:
            yield self.reasoning, True
        yield from ((call.arguments, True) for call in self.calls)


def views(
    messages: Sequence[Mapping[str, Any]], image: ImageAddress, most: int | None = None
) -> list[MessageView]:
    """Return the views of messages, whole, with at most `most` parts and calls each."""
    return [_view(each, image, most) for each in messages]


def _view(message: Mapping[str, Any], image: ImageAddress, most: int | None) -> MessageView:
    given, called = _listed(message["content"]), _listed(message["tool_calls"])
    parts = [
        _part(part, partial(image, message, number)) for number, part in enumerate(given[:most])
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
        reasoning=_reasoning(message),
        calls=[_call(call) for call in called[:most]],
        more=len(given[most:]) + len(called[most:]) if most else 0,
    )


def _listed(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]


def _part(part: Any, image: Callable[[str], str]) -> Part:
    url = url_of_image(part)
    if url is not None and is_shown(url):
        return Part("image", href=image(url))
    if url is not None and url.startswith(("https://", "http://")):
        return Part("link", Text(one_line(url)), href=url)
    return Part("text", Text(plain(_text_of(part))))


def _text_of(part: Any) -> str:
    if isinstance(part, (str, bytes)):
        return read(part)
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return str(part["text"])
    return _json(part)


def _json(value: Any) -> str:
    if isinstance(value, (str, bytes)):
        return read(value)
    return json.dumps(value, ensure_ascii=False, indent=1, default=str)


def _reasoning(message: Mapping[str, Any]) -> Text | None:
    said = message["reasoning"] or message["reasoning_details"] or message["codex_reasoning_items"]
    return Text(plain(_json(said))) if said else None


def _call(call: Any) -> Call:
    """A call in the form of OpenAI (function) or of Anthropic (input); another as it is."""
    described = call.get("function", call) if isinstance(call, Mapping) else None
    if not isinstance(described, Mapping) or not isinstance(described.get("name"), str):
        text = plain(_json(call))
        return Call("", _beginning(text), Text(text))
    arguments = described.get("arguments", described.get("input"))
    text = "" if arguments is None else plain(_json(arguments))
    return Call(one_line(described["name"])[:_LONGEST_NAME], _beginning(text), Text(text))


def _beginning(text: str) -> str:
    line = in_one_line(text[: 4 * _LONGEST_SUMMARY])
    return line if len(line) <= _LONGEST_SUMMARY else line[: _LONGEST_SUMMARY - 1] + "…"
