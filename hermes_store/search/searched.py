"""What a message is searched by, where that is not what its columns say by themselves.

The column `messages.folded` is NULL for most messages: the index takes their text as it is.
Otherwise it is a JSON object with the text of a place folded (`content`, `tool_name`,
`tool_calls`), and with `forms`: other forms of words, which are searched as well.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache

from hermes_store.search.codes import has_entities
from hermes_store.search.ddl import LONGEST_TEXT
from hermes_store.search.folding import changes_words, fold, has_typography_only
from hermes_store.search.forms import forms, forms_at_seams, seams_of
from hermes_store.search.texts import (
    calls,
    looked_through,
    may_be_json,
    may_hold_base64,
    of_calls,
    of_content,
    parts,
    undone,
)

__all__ = ["compared", "folded"]

_MOST_LEFT_TO_SQL = 20_000_000
"""Characters times quotation marks of structured content, or times tool calls: the view copies or
reads as many bytes."""


_LONGEST_CHEAP = 10_000
_FIRST_ID, _FUNCTION = '[{"id": "', '"function": {"'
_IN_INNER_JSON = "\\\\\\\\"
"""How a backslash stands in arguments, which are JSON in JSON."""
_END_OF_TEXT, _END_OF_ARGUMENTS = '"}}]', '}"}}]'
_ENDS_OF_ARGUMENTS = (_END_OF_ARGUMENTS, ' ""}}]', ':""}}]')


def folded(
    content: str | None, content_format: str | None, tool_name: str | None, tool_calls: str | None
) -> str | None:
    """The value of the column `folded` for a message with these columns."""
    found: dict[str, str] = {}
    others: list[str] = []
    if content is not None:
        plain = None if content_format else _plain_forms(content)
        if plain is None:
            _look("content", *_of_content(content, content_format), found, others)
        else:
            others += plain
    if tool_name is not None:
        name, its_forms = _of_name(tool_name)
        others += its_forms
        if name is not None:
            found["tool_name"] = name
    if tool_calls is not None and _is_special(tool_calls):
        _look("tool_calls", *_of_calls(tool_calls), found, others)
    if others:
        found["forms"] = fold(", ".join(dict.fromkeys(others)))[:LONGEST_TEXT]
    elif not found:
        return None
    if len(found) == 1 and _is_bare(forms_found := found.get("forms", "")):
        return f'{{"forms": "{forms_found}"}}'
    return _encoded(found)


def _plain_forms(text: str) -> Sequence[str] | None:
    """The forms of a text that the index else takes as it is, like most; None of other texts.

    An append pays for every call here, and twice over: SQLite's code has the processor's caches.
    """
    is_ascii = text.isascii()
    has_backslash = "\\" in text
    if (
        "\x1b" in text
        or "\x08" in text
        or (";" in text and ";base64," in text)
        or len(text) > LONGEST_TEXT
        or (has_backslash and may_be_json(text))
        or not (is_ascii or has_typography_only(text))
    ):
        return None
    classes, seams = seams_of(text)
    if not seams and is_ascii and not has_backslash and "%" not in text and "&" not in text:
        return ()
    if seams and may_hold_base64(text, seams):
        return None
    return forms(text, classes, seams)


def _is_bare(text: str) -> bool:
    """Whether JSON writes `text` as it is."""
    return bool(text) and text.isprintable() and '"' not in text and "\\" not in text


_encoded = json.JSONEncoder(ensure_ascii=False).encode


@lru_cache(maxsize=512)
def _of_name(tool_name: str) -> tuple[str | None, list[str]]:
    """The folded name, where it is another one, and other forms of it."""
    found: dict[str, str] = {}
    others: list[str] = []
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
    place: str, text: str, is_the_view_s: bool, found: dict[str, str], others: list[str]
) -> None:
    """Add what the index cannot know; `is_the_view_s`: it takes the words of `text` by itself."""
    clean, classes, seams = looked_through(text)
    is_the_view_s = is_the_view_s and (clean is text or clean == text[:LONGEST_TEXT])
    if not is_the_view_s or changes_words(clean):
        searched = fold(clean).replace("\0", " ")[:LONGEST_TEXT]
        if not is_the_view_s or searched != clean.lower():
            found[place] = searched
    others += forms(clean, classes, seams)


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
    is_in_view = not any(each.startswith("data:") for each in read)
    return "\n".join(texts), is_cheap and is_in_view and texts == read


def _is_special(tool_calls: str) -> bool:
    """Whether there may be more in them than the view makes of them."""
    if (
        "\\u" in tool_calls
        or "%" in tool_calls
        or _IN_INNER_JSON in tool_calls
        or not (tool_calls.endswith(_END_OF_ARGUMENTS) or _are_whole(tool_calls))
        or ("&" in tool_calls and has_entities(tool_calls))
        or (len(tool_calls) > _LONGEST_CHEAP and _cost_of_calls(tool_calls) > _MOST_LEFT_TO_SQL)
        or changes_words(tool_calls)
    ):
        return True
    read = _without_first_id(tool_calls)
    classes, seams = seams_of(read)
    return bool(seams and forms_at_seams(read, classes, seams))


def _without_first_id(tool_calls: str) -> str:
    """Calls of functions without the id of the first: it looks like an identifier, unread."""
    if tool_calls.startswith(_FIRST_ID) and _FUNCTION in tool_calls:
        return tool_calls[tool_calls.find('"', len(_FIRST_ID)) :]
    return tool_calls


def _of_calls(tool_calls: str) -> tuple[str, bool]:
    text = calls(tool_calls)
    is_cheap = _cost_of_calls(tool_calls) <= _MOST_LEFT_TO_SQL
    is_more = _IN_INNER_JSON in tool_calls or not _are_whole(tool_calls)
    return text, is_cheap and (not is_more or text == calls(tool_calls, 0))


def _are_whole(tool_calls: str) -> bool:
    """Whether the arguments of the last call do not end too soon: the view would not undo them."""
    return not tool_calls.endswith(_END_OF_TEXT) or tool_calls.endswith(_ENDS_OF_ARGUMENTS)


def _cost_of_calls(tool_calls: str) -> int:
    return len(tool_calls) * tool_calls.count('"name"')
