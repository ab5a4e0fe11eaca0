"""Conversations made of real text: the documentation, docstrings and code of Python itself.

The same seed gives the same messages (on the same Python version, whose text this is). A turn is
four messages, as an agent writes them: a question, a tool call, the tool's output, an answer.
About 720 bytes a message on average, most of them in tool output.
"""

from __future__ import annotations

import json
import random
import re
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

Message = dict[str, Any]
"""The keywords of `SessionRepository.append_message`."""

TOOLS = ("read_file", "terminal", "search_files", "web_extract")
_DOCSTRING = re.compile(r'"""(.+?)"""', re.DOTALL)
_TYPOGRAPHY = str.maketrans(dict.fromkeys("'`", "\N{RIGHT SINGLE QUOTATION MARK}"))


@cache
def _sources() -> list[tuple[str, str]]:
    """Name and text of the modules at the top of the standard library."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    return [(path.name, path.read_text("utf-8")) for path in sorted(folder.glob("*.py"))]


@cache
def _prose() -> str:
    """The language reference and all docstrings, as one text."""
    from pydoc_data.topics import topics

    docstrings = (found for _, text in _sources() for found in _DOCSTRING.findall(text))
    return "\n\n".join([*(topics[name] for name in sorted(topics)), *docstrings])


@cache
def _code() -> str:
    return "\n".join(text for _, text in _sources())


class Corpus:
    """An endless supply of messages."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._calls = 0

    def messages(self, count: int) -> list[Message]:
        """`count` messages of one conversation."""
        return [message for message, _ in zip(self._conversation(), range(count), strict=False)]

    def system_prompt(self, length: int) -> str:
        """`length` characters of prose."""
        return self._piece(_prose(), length)

    def _conversation(self) -> Iterator[Message]:
        while True:
            yield from self._turn()

    def _turn(self) -> Iterator[Message]:
        call, tool = f"call_{self._calls:08x}", self._random.choice(TOOLS)
        self._calls += 1
        yield {"role": "user", "content": self._text(120, most=600)}
        yield self._tool_call(call, tool)
        output = self._piece(_code(), self._length(1_300, most=12_000))
        yield {"role": "tool", "content": output, "tool_name": tool, "tool_call_id": call}
        yield self._answer()

    def _tool_call(self, call: str, tool: str) -> Message:
        name, _ = self._random.choice(_sources())
        arguments = {"path": f"/usr/lib/python3/{name}", "pattern": self._text(25, most=60)}
        function = {"name": tool, "arguments": json.dumps(arguments)}
        return {
            "role": "assistant",
            "content": self._text(60, most=200),
            "tool_calls": [{"id": call, "type": "function", "function": function}],
            "finish_reason": "tool_calls",
        }

    def _answer(self) -> Message:
        """Prose; every third time with the typographic signs that models like."""
        text = self._text(700, most=4_000)
        if self._random.random() < 1 / 3:
            text = (
                text.replace(" - ", " \N{EM DASH} ")
                .replace("...", "\N{HORIZONTAL ELLIPSIS}")
                .translate(_TYPOGRAPHY)
            )
        message = {"role": "assistant", "content": text, "finish_reason": "stop"}
        if self._random.random() < 1 / 4:
            message["reasoning"] = self._text(200, most=1_000)
        return message | {"token_count": len(text) // 4}

    def _text(self, typical: int, most: int) -> str:
        return self._piece(_prose(), self._length(typical, most))

    def _length(self, typical: int, most: int) -> int:
        """A length around `typical`, sometimes much longer: lengths in the field are skewed."""
        return max(10, min(most, int(self._random.lognormvariate(0, 0.8) * typical)))

    def _piece(self, text: str, length: int) -> str:
        """About `length` characters from anywhere in `text`, cut between words."""
        start = text.index(" ", self._random.randrange(len(text) - length - 20_000)) + 1
        end = text.find(" ", start + length - 1)
        return text[start:end].strip() or "ok"
