"""A plugin of pytest, run in Hermes' environment: our class in place of upstream's.

A test that `exceptions.toml` names must fail: one that passes is an error, and so is a name that no
test has. `HERMES_CONTROL=1` leaves upstream's class in place; then every test must pass.
"""

import os
import tomllib
from pathlib import Path

import pytest

if not os.environ.get("HERMES_CONTROL"):
    from hermes_store.adapters import hermes_agent

    hermes_agent.install()


def exceptions() -> dict[str, str]:
    """Names of tests, each with the reason why our class does not pass it."""
    path = Path(os.environ["HERMES_EXCEPTIONS"])
    given = tomllib.loads(path.read_text(encoding="utf-8"))["exception"]
    version = os.environ["HERMES_VERSION"]
    return {
        name: each["reason"]
        for each in given
        if version in each["versions"]
        for name in each["tests"]
    }


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("HERMES_CONTROL"):
        return
    named = exceptions()
    found = {item.nodeid.split("tests/")[-1].replace(".py", "", 1): item for item in items}
    unknown = named.keys() - found.keys()
    if unknown and not config.option.keyword:
        raise pytest.UsageError(f"no test has the name of an exception: {sorted(unknown)}")
    for name, reason in named.items():
        if name in found:
            found[name].add_marker(pytest.mark.xfail(reason=reason, strict=True))
