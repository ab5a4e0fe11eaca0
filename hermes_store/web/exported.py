"""Sessions as one HTML file: the page's own templates and style, without a server.

The file fetches nothing and runs nothing. Its policy allows its own style, by its hash, and images
that it holds; what is stored elsewhere is a link.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from hermes_store.records import SessionExport
from hermes_store.web.listing import facts, title
from hermes_store.web.rendering import environment
from hermes_store.web.views import views

__all__ = ["exported"]

Session = tuple[SessionExport, list[str]]


def exported(sessions: Iterable[Session]) -> Iterator[str]:
    """Yield an HTML document of sessions, piece by piece; with each the ids of its conversation."""
    given = iter(sessions)
    first = next(given, None)
    style, policy = _style()
    yield from (
        environment()
        .get_template("exported.html")
        .generate(
            title=title(first[0]) if first else "No sessions",
            style=style,
            policy=policy,
            sessions=_shown(first, given),
        )
    )


def _shown(first: Session | None, others: Iterator[Session]) -> Iterator[dict[str, Any]]:
    """One session at a time: a template goes through them as it writes."""
    given = first
    while given is not None:
        session, lineage = given
        yield {
            "title": title(session),
            "facts": facts(session),
            "id": session["id"],
            "prompt": session["system_prompt"],
            "parent": session["parent_session_id"],
            "link": session["link"],
            "lineage": lineage,
            "messages": (views([each], _itself)[0] for each in session["messages"]),
        }
        given = next(others, None)


def _itself(_message: Mapping[str, Any], _number: int, url: str) -> str:
    """The address of an image: the `data:` URL that holds it."""
    return url


@cache
def _style() -> tuple[Markup, str]:
    """The style of the pages, and the policy that allows it alone."""
    style = (Path(__file__).parent / "static" / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'"
    return Markup(style), f"{policy}; form-action 'none'"  # noqa: S704 - the package's own file
