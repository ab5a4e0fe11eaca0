"""Images in the parts of a message, as providers send them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["decoded", "is_shown", "url_of_image"]

_DATA = re.compile(r"data:(image/(?:png|jpeg|gif|webp));base64,", re.ASCII | re.IGNORECASE)
"""Types that hold no script; SVG may hold one, so it is shown as text."""


def url_of_image(part: Any) -> str | None:
    """Return the URL of the image that a part is, or None: `data:` or of another server.

    The forms are those of OpenAI's chat completions and responses, and of Anthropic's messages.
    """
    if not isinstance(part, Mapping):
        return None
    source = part.get("source")
    if part.get("type") == "image" and isinstance(source, Mapping):
        if source.get("type") == "base64":
            return f"data:{source.get('media_type')};base64,{source.get('data')}"
        return _text(source.get("url"))
    given = part.get("image_url")
    return _text(given.get("url") if isinstance(given, Mapping) else given)


def decoded(url: str) -> tuple[str, bytes] | None:
    """Return the media type and the bytes of a `data:` URL; None for what is no such image."""
    head = _DATA.match(url)
    if not head:
        return None
    try:
        return head[1].lower(), base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError):
        return None


def is_shown(url: str) -> bool:
    """Whether `decoded` has bytes for a URL, as far as its beginning tells."""
    return _DATA.match(url) is not None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
