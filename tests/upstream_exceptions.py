"""Upstream's tests that our class does not pass: each is named, with a reason, and must fail."""

import tomllib
from pathlib import Path

import pytest


def named_in(path: Path, version: str | None = None) -> dict[str, str]:
    """Names of tests, each with the reason why our class does not pass it.

    An exception with `versions` holds for those.
    """
    given = tomllib.loads(path.read_text(encoding="utf-8"))["exception"]
    return {
        name: each["reason"]
        for each in given
        if version is None or version in each.get("versions", [version])
        for name in each["tests"]
    }


def expect(items: list[pytest.Item], named: dict[str, str], *, all_names: bool) -> None:
    """Let a named test that passes be an error, and with `all_names` a name that no test has."""
    found = {item.nodeid.split("tests/")[-1].replace(".py", "", 1): item for item in items}
    unknown = named.keys() - found.keys()
    if unknown and all_names:
        raise pytest.UsageError(f"no test has the name of an exception: {sorted(unknown)}")
    for name, reason in named.items():
        if name in found:
            found[name].add_marker(pytest.mark.xfail(reason=reason, strict=True))
