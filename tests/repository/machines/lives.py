"""Sessions: created, ended, named, deleted, exported and imported."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from repository.machines.base import IDS, Machine, Session

from hermes_store.errors import TitleInUseError

TITLES = st.sampled_from(["t", "t #2", "t #3", "u", None])


class Lives(Machine):
    """What happens to whole sessions."""

    @rule(session_id=IDS, parent=st.none() | IDS)
    def create(self, session_id: str, parent: str | None) -> None:
        if session_id in self.sessions or parent not in {None, *self.sessions}:
            parent = None
        self.do(lambda door: door.create_session(session_id, "cli", parent_session_id=parent))
        started = self.repository.get_session(session_id)["started_at"]
        self.sessions.setdefault(session_id, Session(started, parent))

    @rule(session_id=IDS, reason=st.sampled_from(["done", "compression"]))
    def end(self, session_id: str, reason: str) -> None:
        def call(door):
            door.end_session(session_id, reason)

        if session := self.session_or_refused(session_id, call):
            self.do(call)
            session.end_reason = session.end_reason or reason

    @rule(session_id=IDS)
    def reopen(self, session_id: str) -> None:
        def call(door):
            door.reopen_session(session_id)

        if session := self.session_or_refused(session_id, call):
            self.do(call)
            session.end_reason = None

    @rule(session_id=IDS, title=TITLES)
    def retitle(self, session_id: str, title: str | None) -> None:
        def call(door):
            return door.set_session_title(session_id, title)

        others = {s.title for name, s in self.sessions.items() if name != session_id}
        if title is not None and title in others:
            self.refused(TitleInUseError, call)
            return
        assert self.do(call) == (session_id in self.sessions)
        if session_id in self.sessions:
            self.sessions[session_id].title = title

    @rule(session_id=IDS)
    def delete(self, session_id: str) -> None:
        deleted = self.do(lambda door: door.delete_session(session_id))
        assert deleted == (session_id in self.sessions)
        self.forget([session_id])

    @rule()
    def prune(self) -> None:
        ended = [name for name, session in self.sessions.items() if session.end_reason]
        candidates = self.do(lambda door: door.list_prune_candidates(0))
        assert {each["id"] for each in candidates} == set(ended)
        assert self.do(lambda door: door.prune_sessions(0)) == len(ended)
        self.forget(ended)

    @rule()
    def export_delete_and_import(self) -> None:
        exported = self.do(lambda door: door.export_all())
        for session in exported:
            self.do(lambda door, id_=session["id"]: door.delete_session(id_))
        imported = self.do(lambda door: door.import_sessions(exported))
        assert (imported.sessions, imported.skipped) == (len(self.sessions), [])
        assert self.repository.export_all() == exported

    def forget(self, names: Iterable[str]) -> None:
        gone = set(names)
        self.sessions = {name: s for name, s in self.sessions.items() if name not in gone}
        for session in self.sessions.values():
            if session.parent in gone:
                session.parent = None

    @invariant()
    def sessions_are_those_of_the_model(self) -> None:
        stored = {each["id"]: each for each in self.repository.search_sessions(limit=None)}
        assert stored.keys() == self.sessions.keys()
        for name, session in self.sessions.items():
            found = stored[name]
            kept = (found["parent_session_id"], found["title"], found["end_reason"])
            assert kept == (session.parent, session.title, session.end_reason)
            assert (found["ended_at"] is not None) == (session.end_reason is not None)
            assert {key: found[key] for key in session.counters()} == session.counters()
