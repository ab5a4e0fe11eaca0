"""The option --redact: which kinds of secrets are replaced."""

from __future__ import annotations

from typing import Any

import click

from hermes_store.cli.text import like
from hermes_store.transfer.redaction import Redaction
from hermes_store.transfer.secrets import KINDS

__all__ = ["REDACTION"]


class _Kinds(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    name = "kinds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value  # a default
        if value == "all":
            return Redaction()
        kinds = [each.strip().removesuffix("s") for each in value.split(",")]
        for kind in kinds:
            if kind not in KINDS:
                known = f"use all, or some of {', '.join(KINDS)}"
                problem = f"{kind!r} is not a kind of secret{like(kind, KINDS)}; {known}"
                self.fail(f"{problem}; before a SESSION write --redact=all", param, ctx)
        return Redaction(kinds)


REDACTION = _Kinds()
