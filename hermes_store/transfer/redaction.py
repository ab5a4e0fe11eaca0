"""Take secrets out of sessions: one place for every format of an export."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

from hermes_store import values
from hermes_store.errors import InvalidArgumentError
from hermes_store.records import MessageRecord, SessionExport
from hermes_store.transfer.secrets import KINDS, SECRETS, Kind, Secret, kind_of_field

__all__ = ["Redaction"]

_LITERAL = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?')
"""A text in a JSON document, and the colon that makes it a name."""
_COLUMNS = frozenset({*MessageRecord.__annotations__, *SessionExport.__annotations__})
"""Names that hold no secret; others come from `extra`."""


class Redaction:
    """Replaces secrets by `[redacted: kind]`, and counts them by kind.

    Kinds are "key", "token", "private-key", "password" and "e-mail". Looks into JSON that is stored
    as text, too, which stays JSON. An id, a key or the name of a field that held a secret gets a
    number, so that those that were different stay different. Raises `InvalidArgumentError` for a
    kind that does not exist.
    """

    def __init__(self, kinds: Sequence[str] = KINDS) -> None:
        chosen = [values.one_of("kinds", each, KINDS) for each in values.listed("kinds", kinds)]
        if not chosen:
            raise InvalidArgumentError("kinds", "are none", f"give some of {', '.join(KINDS)}")
        self.counts: Counter[str] = Counter()
        """How many were replaced, by kind."""
        self._kinds = frozenset(chosen)
        self._hints = [
            (hint, each) for each in SECRETS if each.kind in self._kinds for hint in each.hints
        ]
        self._numbers: dict[str, int] = {}

    def session(self, session: SessionExport) -> SessionExport:
        """Return a session without its secrets; the given one stays as it is."""
        rows: dict[str, Any] = {**session}
        messages = [self._fields(each) for each in rows.pop("messages")]
        return cast("SessionExport", {**self._fields(rows), "messages": messages})

    def text(self, text: str) -> str:
        """Return a text without its secrets."""
        return self._document(text) if _is_json(text) else self._plain(text)

    def name(self, name: str) -> str:
        """Return an id or another name without its secrets, with a number that tells it apart."""
        redacted = self.text(name)
        if redacted == name:
            return name
        return f"{redacted} #{self._numbers.setdefault(name, len(self._numbers) + 1)}"

    def _fields(self, row: dict[str, Any]) -> dict[str, Any]:
        return {
            name if name in _COLUMNS else self.name(name): self._field(name, value)
            for name, value in row.items()
        }

    def _field(self, name: str, value: Any) -> Any:
        """The value of a column or of a field in JSON."""
        if isinstance(value, str):
            kind = kind_of_field(name, value)
            if kind and kind in self._kinds:
                return self._replacement(kind)
            is_name = name in {"id", "key"} or name.endswith("_id")
            return self.name(value) if is_name else self.text(value)
        if isinstance(value, (list, dict)):
            document = json.dumps(value, ensure_ascii=False)
            redacted = self._document(document)
            return value if redacted == document else json.loads(redacted)
        return value

    def _document(self, document: str) -> str:
        """A JSON document: each text in it by itself, all else as it was written."""
        name = ""

        def replaced(match: re.Match[str]) -> str:
            nonlocal name
            text, colon = json.loads(match[1], strict=False), match[2]
            new = self.name(text) if colon else self._field(name, text)
            name = text if colon else ""
            return match[0] if new == text else _json_of(new) + (colon or "")

        return _LITERAL.sub(replaced, document)

    def _plain(self, text: str) -> str:
        lowered = text.lower()
        for hint, secret in self._hints:
            if hint in lowered:
                text = secret.pattern.sub(partial(self._without, secret), text)
        return text

    def _without(self, secret: Secret, match: re.Match[str]) -> str:
        if not secret.is_one(match):
            return match[0]
        start, end = match.span("secret" if "secret" in match.re.groupindex else 0)
        before, after = match.string[match.start() : start], match.string[end : match.end()]
        return before + self._replacement(secret.kind) + after

    def _replacement(self, kind: Kind) -> str:
        self.counts[kind] += 1
        return f"[redacted: {kind}]"


def _json_of(text: str) -> str:
    is_whole = not any("\ud800" <= each <= "\udfff" for each in text)  # else only ASCII can hold it
    return json.dumps(text, ensure_ascii=not is_whole)


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in {"{", "[", '"'}:
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
