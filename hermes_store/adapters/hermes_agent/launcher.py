"""The command `hermes` with our class in place of its own."""

from __future__ import annotations

import sys
from importlib import import_module

from hermes_store.adapters.hermes_agent.installing import install
from hermes_store.adapters.hermes_agent.paths import FILE, PLAIN, home, store_of
from hermes_store.adapters.hermes_agent.taking_over import take_over

__all__ = ["main"]


def main() -> None:
    """Run `hermes` with the arguments of this process.

    The class stands in its place before Hermes looks for its own modules. The first start beside
    an older file says on the error stream what is copied.
    """
    try:
        install()
    except ModuleNotFoundError as exc:
        sys.exit(f"{exc}: install Hermes Agent in this environment, pip install hermes-agent")
    main_file = home() / FILE
    if store_of(None) == main_file:
        take_over(main_file.with_name(PLAIN), main_file, _say)
    sys.argv[0] = "hermes"
    sys.exit(import_module("hermes_cli.main").main())


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
