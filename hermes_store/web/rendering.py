"""Templates: what they are given is text, so that nothing that is stored becomes markup."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hermes_store.values.pictures import plain
from hermes_store.values.written import count, dollars, when

__all__ = ["address", "environment", "render", "session_address"]


@cache
def environment() -> Environment:
    """The templates of the package. Every value is escaped, and `plain`."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "address": address,
        "count": count,
        "dollars": dollars,
        "session_address": session_address,
        "when": when,
    }
    return made


def render(template: str, **values: Any) -> str:
    """Return what a template makes of values."""
    return environment().get_template(template).render(values)


def address(path: str, **parameters: Any) -> str:
    """Return the address of a page; a parameter without a value is left out."""
    given = {name: value for name, value in parameters.items() if value not in {None, ""}}
    return f"{path}?{urlencode(given)}" if given else path


def session_address(session_id: str, page: str = "s", **parameters: Any) -> str:
    """Return the address of a page of a session; with `m`, at that message."""
    anchor = f"#m{parameters['m']}" if parameters.get("m") else ""
    return address(f"/{page}/{quote(session_id, safe='')}", **parameters) + anchor


def _shown(value: Any) -> Any:
    if isinstance(value, Markup) or not isinstance(value, (str, bytes)):
        return value
    return plain(value)
