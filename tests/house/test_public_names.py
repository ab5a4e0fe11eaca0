"""What callers may call: every public name and signature is as recorded in `public_names.txt`.

After a change on purpose, write the record anew: `python tests/house/test_public_names.py`.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path

from hermes_store import AsyncSessionRepository, SessionRepository, Transaction
from hermes_store.adapters.hermes_agent import SessionDB
from hermes_store.api.leases import Leases
from hermes_store.api.meta import Meta

OWNERS = (SessionRepository, Transaction, Leases, Meta, SessionDB)
RECORD = Path(__file__).with_name("public_names.txt")


def public_names(owner: type) -> Iterator[str]:
    """One line for each public member of a class, sorted by name: a method with its signature."""
    for name, member in inspect.getmembers(owner):
        if name.startswith("_") and name != "__init__":
            continue
        kind = "property" if isinstance(member, property) else repr(member)
        shape = str(inspect.signature(member)) if callable(member) else f": {kind}"
        yield f"{owner.__name__}.{name}{shape}"


def found() -> list[str]:
    return [*(line for owner in OWNERS for line in public_names(owner)), *of_tasks()]


def of_tasks() -> list[str]:
    """Lines of the asynchronous class, where it differs from the synchronous one."""
    alike = {f"Async{line}" for line in public_names(SessionRepository)}
    return [line for line in public_names(AsyncSessionRepository) if line not in alike]


def test_every_public_name_and_signature_is_the_recorded_one():
    assert found() == RECORD.read_text(encoding="utf-8").splitlines()


def test_every_public_method_has_a_docstring():
    owners = (*OWNERS, AsyncSessionRepository)
    methods = [member for owner in owners for _, member in inspect.getmembers(owner, callable)]
    assert [m for m in methods if m.__name__[0] != "_" and not inspect.getdoc(m)] == []


if __name__ == "__main__":
    RECORD.write_text("\n".join(found()) + "\n", encoding="utf-8")
