"""What a message is searched by, where that is not what its columns say by themselves.

The column `messages.folded` is NULL for most messages: the index takes their text as it is.
Otherwise it is a JSON object with the text of a place folded (`content`, `tool_name`,
`tool_calls`), and with `forms`: other forms of words, which are searched as well.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache

from hermes_store.search.ddl import LONGEST_TEXT
from hermes_store.search.folding import changes_words, fold
from hermes_store.search.forms import forms, forms_at_seams, seams_of
from hermes_store.search.texts import (
    calls,
    looked_through,
    of_calls,
    of_content,
    parts,
    undone,
)

__all__ = ["compared", "folded"]

_MOST_LEFT_TO_SQL = 20_000_000
"""Characters times quotation marks of structured content, or times tool calls: the view copies or
reads as many bytes."""


_IN_INNER_JSON = "\\\\\\\\"
"""How a backslash stands in arguments, which are JSON in JSON."""


def folded(
    content: str | None, content_format: str | None, tool_name: str | None, tool_calls: str | None
) -> str | None:
    """The value of the column `folded` for a message with these columns."""
    found: dict[str, str] = {}
    others: dict[str, None] = {}
    if content is not None:
        _look_at_content(content, content_format, found, others)
    if tool_name is not None:
        name, its_forms = _of_name(tool_name)
        others.update(its_forms)
        if name is not None:
            found["tool_name"] = name
    if tool_calls is not None and _is_special(tool_calls):
        _look("tool_calls", *_of_calls(tool_calls), found, others)
    if others:
        found["forms"] = fold(", ".join(others))[:LONGEST_TEXT]
    elif not found:
        return None
    if len(found) == 1 and _is_bare(forms_found := found.get("forms", "")):
        return f'{{"forms": "{forms_found}"}}'
    return _encoded(found)


def _look_at_content(
    content: str, content_format: str | None, found: dict[str, str], others: dict[str, None]
) -> None:
    """Most content is ASCII without escapes: only its seams can make other forms."""
    if content_format is not None or "\\" in content or "%" in content or not content.isascii():
        _look("content", *_of_content(content, content_format), found, others)
        return
    clean, classes, seams = looked_through(content)
    if clean is not content and clean != content[:LONGEST_TEXT]:
        _look("content", content, True, found, others)
    elif seams:
        others.update(dict.fromkeys(forms_at_seams(clean, classes, seams)))


def _is_bare(text: str) -> bool:
    """Whether JSON writes `text` as it is."""
    return bool(text) and text.isprintable() and '"' not in text and "\\" not in text


_encoded = json.JSONEncoder(ensure_ascii=False).encode


@lru_cache(maxsize=512)
def _of_name(tool_name: str) -> tuple[str | None, dict[str, None]]:
    """The folded name, where it is another one, and other forms of it."""
    found: dict[str, str] = {}
    others: dict[str, None] = {}
    _look("tool_name", tool_name, True, found, others)
    return found.get("tool_name"), others


def compared(columns: Sequence[str | None], forms: str | None) -> list[str]:
    """The folded texts in which a phrase is looked for, where the index alone cannot tell.

    The columns are those of `folded`.
    """
    content, content_format, tool_name, tool_calls = columns
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
    clean, classes, seams = looked_through(text)
    is_the_view_s = is_the_view_s and (clean is text or clean == text[:LONGEST_TEXT])
    if not is_the_view_s or changes_words(clean):
        searched = fold(clean).replace("\0", " ")[:LONGEST_TEXT]
        if not is_the_view_s or searched != clean.lower():
            found[place] = searched
    if more := forms(clean, classes, seams):
        others.update(dict.fromkeys(more))


def _of_content(content: str, content_format: str | None) -> tuple[str, bool]:
    """The text, and whether the view of the index makes the same words of the content."""
    if content_format is None:
        return undone(content)
    try:
        read = parts(content)
    except (ValueError, RecursionError):
        return content, True
    texts = [undone(each)[0] for each in read]
    is_cheap = content.count('"') * len(content) <= _MOST_LEFT_TO_SQL
    return "\n".join(texts), is_cheap and texts == read


def _is_special(tool_calls: str) -> bool:
    """Whether there may be more in them than the view makes of them."""
    if (
        "\\u" in tool_calls
        or "%" in tool_calls
        or _IN_INNER_JSON in tool_calls
        or _cost_of_calls(tool_calls) > _MOST_LEFT_TO_SQL
    ):
        return True
    classes, seams = seams_of(tool_calls)
    if seams and forms_at_seams(tool_calls, classes, seams):
        return True
    return not tool_calls.isascii() and changes_words(tool_calls)


def _of_calls(tool_calls: str) -> tuple[str, bool]:
    text = calls(tool_calls)
    is_cheap = _cost_of_calls(tool_calls) <= _MOST_LEFT_TO_SQL
    return text, is_cheap and (_IN_INNER_JSON not in tool_calls or text == calls(tool_calls, 0))


def _cost_of_calls(tool_calls: str) -> int:
    return len(tool_calls) * tool_calls.count('"name"')
