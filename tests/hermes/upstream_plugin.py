"""A plugin of pytest, run in Hermes' environment: our class in place of upstream's.

A test that `exceptions.toml` names must fail: one that passes is an error, and so is a name that no
test of the newest version has. `HERMES_CONTROL=1` leaves upstream's class in place; then every test must pass.
"""

import os
from pathlib import Path

import pytest
import upstream_exceptions

if not os.environ.get("HERMES_CONTROL"):
    from hermes_store.adapters import hermes_agent

    hermes_agent.install()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("HERMES_CONTROL"):
        return
    path = Path(os.environ["HERMES_EXCEPTIONS"])
    named = upstream_exceptions.named_in(path, os.environ["HERMES_VERSION"])
    all_names = bool(os.environ["HERMES_HAS_ALL"]) and not config.option.keyword
    upstream_exceptions.expect(items, named, all_names=all_names)
