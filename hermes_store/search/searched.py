"""What a message is searched by, where that is not what its columns say by themselves.

The column `messages.folded` is NULL for most messages: the index takes their text as it is. Otherwise
it is a JSON object with the text of a place folded (`content`, `tool_name`, `tool_calls`), and with
`forms`: other forms of words, which are searched as well.
"""

from __future__ import annotations

import json

from hermes_store.search.ddl import LONGEST_TEXT
from hermes_store.search.folding import changes_words, fold
from hermes_store.search.forms import BREAK, classes_of, forms
from hermes_store.search.texts import calls, clean, of_calls, of_content, parts, undone

__all__ = ["compared", "folded"]

_MOST_LEFT_TO_SQL = 20_000_000
"""Characters times quotation marks of structured content, or times tool calls: the view copies or
reads as many bytes."""


def folded(
    content: str | None, content_format: str | None, tool_name: str | None, tool_calls: str | None
) -> str | None:
    """The value of the column `folded` for a message with these columns."""
    found: dict[str, str] = {}
    others: dict[str, None] = {}
    if content is not None:
        _look("content", *_of_content(content, content_format), found, others)
    if tool_name is not None:
        _look("tool_name", tool_name, True, found, others)
    if tool_calls is not None and _is_special(tool_calls):
        _look("tool_calls", *_of_calls(tool_calls), found, others)
    if others:
        found["forms"] = fold(f" {BREAK} ".join(others))
    if not found:
        return None
    return json.dumps({place: _stored(text) for place, text in found.items()}, ensure_ascii=False)


def compared(
    content: str | None,
    content_format: str | None,
    tool_name: str | None,
    tool_calls: str | None,
    forms: str | None,
) -> list[str]:
    """The folded texts in which a phrase is looked for, where the index alone cannot tell."""
    texts = (
        None if content is None else of_content(content, content_format),
        tool_name,
        None if tool_calls is None else of_calls(tool_calls),
        forms,
    )
    return [fold(text) for text in texts if text]


def _look(
    place: str, text: str, is_the_view_s: bool, found: dict[str, str], others: dict[str, None]
) -> None:
    """Add what the index cannot know; `is_the_view_s`: it takes the words of `text` by itself."""
    if not is_the_view_s or changes_words(text):
        searched = fold(text)
        if not is_the_view_s or searched != text.lower():
            found[place] = searched
    others.update(dict.fromkeys(forms(text, classes_of(text))))


def _stored(text: str) -> str:
    return text[:LONGEST_TEXT].replace("\0", " ")


def _of_content(content: str, content_format: str | None) -> tuple[str, bool]:
    """The text, and whether the view of the index makes the same words of the content."""
    if content_format is None:
        text, is_the_view_s = undone(content)
        return _cleaned(text, is_the_view_s)
    try:
        read = parts(content)
    except (ValueError, RecursionError):
        return _cleaned(content, True)
    is_cheap = content.count('"') * len(content) <= _MOST_LEFT_TO_SQL
    shown, is_the_view_s = _cleaned("\n".join(undone(each)[0] for each in read), is_cheap)
    return shown, is_the_view_s and not any(
        "\\" in each and undone(each)[0] != each for each in read
    )


def _is_special(tool_calls: str) -> bool:
    """Whether there may be more in them than the view makes of them."""
    return (
        _cost_of_calls(tool_calls) > _MOST_LEFT_TO_SQL
        or "\\u" in tool_calls
        or "\\\\\\" in tool_calls
        or any(True for _ in forms(tool_calls, classes_of(tool_calls)))
        or changes_words(tool_calls)
    )


def _of_calls(tool_calls: str) -> tuple[str, bool]:
    is_cheap = _cost_of_calls(tool_calls) <= _MOST_LEFT_TO_SQL
    return _cleaned(calls(tool_calls), is_cheap and "\\\\\\" not in tool_calls)


def _cost_of_calls(tool_calls: str) -> int:
    return len(tool_calls) * tool_calls.count('"name"')


def _cleaned(text: str, is_the_view_s: bool) -> tuple[str, bool]:
    bounded = text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT]
    cleaned = clean(bounded)
    return cleaned, is_the_view_s and cleaned == bounded
