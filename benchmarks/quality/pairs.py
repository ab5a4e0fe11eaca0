"""The pairs of `pairs.txt`, which explains itself."""

from __future__ import annotations

import base64
import random
import re
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

__all__ = ["TIERS", "Pair", "Tier", "pairs"]

Tier = Literal["must", "should", "must not"]
TIERS: dict[str, Tier] = {"+": "must", "?": "should", "-": "must not"}

_CHARACTER = re.compile(r"\{U\+([0-9A-F]{4,6})\}")


class Pair(NamedTuple):
    """One question: is the message found?"""

    line: int
    kind: str
    tier: Tier
    stored: str
    typed: str


@cache
def pairs() -> list[Pair]:
    """All of the set, in the order of the file."""
    kind = stored = ""
    found = []
    text = Path(__file__).with_name("pairs.txt").read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), 1):
        sign, _, rest = line.partition(" ")
        if sign == "##":
            kind = rest
        elif sign == "=":
            stored = _unescaped(rest)
        elif sign in TIERS:
            found.append(Pair(number, kind, TIERS[sign], stored, _unescaped(rest)))
    return found


def _unescaped(text: str) -> str:
    for name, value in _blocks().items():
        text = text.replace(name, value)
    return _CHARACTER.sub(lambda found: chr(int(found[1], 16)), text)


@cache
def _blocks() -> dict[str, str]:
    """Bytes as tools write them: of a picture in one piece, of a certificate in lines."""
    picture = base64.b64encode(random.Random(9).randbytes(900)).decode()
    certificate = base64.encodebytes(random.Random(10).randbytes(900)).decode()
    return {"{BASE64}": picture, "{PEM}": certificate, "{PEMLINE}": certificate.split("\n")[2]}
