"""Any sequence of calls leaves what a plain Python model says, and a sound store."""

import shutil
import tempfile
from pathlib import Path

import postgres_server
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from repository.machines.kept import Kept
from repository.machines.lives import Lives
from repository.machines.owned import Owned
from repository.machines.talk import Talk
from sqlalchemy import URL

from hermes_store import SessionRepository, copy


class Everything(Lives, Talk, Kept):
    """All topics on one store; at the end its copy holds the same."""

    def teardown(self) -> None:
        if not getattr(self, "sessions", None):
            return
        if isinstance(self.database, URL) or postgres_server.why_not():
            folder = Path(tempfile.mkdtemp())
            self.equals_its_copy(folder / "copy.db")
            shutil.rmtree(folder)
        else:
            with postgres_server.store() as url:
                self.equals_its_copy(url)

    def equals_its_copy(self, target: Path | URL) -> None:
        copy.copy(self.database, target)
        with SessionRepository(target) as copied:
            assert copied.check() == []
            assert copied.meta.items() == self.repository.meta.items()
            assert copied.leases.held() == []
            by_model = [repo.usage_report(by="model") for repo in (copied, self.repository)]
            assert by_model[0] == by_model[1]
            found = copied.export_all()
        if isinstance(target, URL):  # it has no NUL character
            return self.has_the_same_states(found)
        assert found == self.repository.export_all()
        return None

    def has_the_same_states(self, found: list) -> None:
        for session in found:
            states = [(m["id"], m["state"]) for m in session["messages"]]
            assert states == [(m.id, m.state) for m in self.sessions[session["id"]].messages]


@pytest.mark.parametrize("machine", [Everything, Owned])
def test_any_sequence_of_calls_agrees_with_the_model(database, machine):
    run = settings(
        deadline=None,
        max_examples=25,
        stateful_step_count=30,
        suppress_health_check=[HealthCheck.too_slow],
    )
    with SessionRepository(database) as repository:
        attributes = {"database": database, "repository": repository}
        run_state_machine_as_test(type("Here", (machine,), attributes), settings=run)
