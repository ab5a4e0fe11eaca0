"""Sessions: created, ended, named, deleted, exported and imported."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from repository.machines.base import EVERY, IDS, Machine, Session

from hermes_store import SessionFilter
from hermes_store.errors import TitleInUseError
from hermes_store.records import SessionRecord

LINKS = st.sampled_from([None, "compression", "compression", "branch", "delegate", "reset"])
TITLES = st.sampled_from(["t", "t #2", "t #3", "u", None])


class Lives(Machine):
    """What happens to whole sessions."""

    @rule(session_id=IDS, parent=st.none() | IDS, link=LINKS)
    def create(self, session_id: str, parent: str | None, link: str | None) -> None:
        if session_id in self.sessions or parent not in {None, *self.sessions}:
            parent = None
        link = link if parent else None
        self.do(
            lambda door: door.create_session(session_id, "cli", parent_session_id=parent, link=link)
        )
        if session_id in self.sessions:
            return
        started = self.repository.get_session(session_id)["started_at"]
        before = self.path(self.root(parent))[-1] if parent else None
        self.sessions[session_id] = Session(started, parent, link)
        if link == "compression" and self.path(self.root(session_id))[-1] == session_id:
            self.take_over(self.sessions[before], self.sessions[session_id])

    @staticmethod
    def take_over(before: Session, following: Session) -> None:
        following.title, before.title = before.title, None
        following.pinned, following.archived = before.pinned, before.archived

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

        if session_id not in self.sessions:
            assert self.do(call) is False
            return
        chain = self.chain(session_id)
        others = {s.title for name, s in self.sessions.items() if name not in chain}
        if title is not None and title in others:
            self.refused(TitleInUseError, call)
            return
        assert self.do(call) is True
        for name in chain:
            if self.sessions[name].title == title:
                self.sessions[name].title = None
        self.sessions[self.path(self.root(session_id))[-1]].title = title

    @rule(session_id=IDS)
    def delete(self, session_id: str) -> None:
        deleted = self.do(lambda door: door.delete_session(session_id))
        assert deleted == (session_id in self.sessions)
        if deleted:
            self.forget(self.whole(session_id))

    @rule()
    def prune(self) -> None:
        ended = [tip for tip, ids in self.tips().items() if self.has_ended(ids)]
        candidates = self.do(lambda door: door.list_prune_candidates(0))
        assert {each["id"] for each in candidates} == set(ended)
        assert self.do(lambda door: door.prune_sessions(0)) == len(ended)
        self.forget([each for tip in ended for each in self.whole(tip)])

    @rule()
    def export_delete_and_import(self) -> None:
        exported = self.do(lambda door: door.export_all())
        for session in exported:
            self.do(lambda door, id_=session["id"]: door.delete_session(id_))
        imported = self.do(lambda door: door.import_sessions(exported))
        assert (imported.sessions, imported.skipped) == (len(self.sessions), [])
        assert self.repository.export_all() == exported

    def has_ended(self, ids: Iterable[str]) -> bool:
        """Whether each session that no other one continues has ended."""
        last = (self.sessions[each] for each in ids if not self.linked(each, "compression"))
        return all(session.end_reason for session in last)

    def forget(self, names: Iterable[str]) -> None:
        gone = set(names)
        self.sessions = {name: s for name, s in self.sessions.items() if name not in gone}
        for session in self.sessions.values():
            if session.parent in gone:
                session.parent = session.link = None

    # --- which sessions are one conversation ------------------------------------------------------

    def begun(self, name: str) -> tuple[float, str]:
        return self.sessions[name].started_at, name

    def linked(self, name: str, *links: str) -> list[str]:
        """The sessions that have these links to one, in the order of their begin."""
        found = [n for n, s in self.sessions.items() if s.parent == name and s.link in links]
        return sorted(found, key=self.begun)

    def root(self, name: str) -> str:
        session = self.sessions[name]
        return self.root(session.parent) if session.link == "compression" else name

    def path(self, root: str) -> list[str]:
        following = self.linked(root, "compression")
        return [root, *(self.path(following[-1]) if following else ())]

    def below(self, name: str, *links: str) -> list[str]:
        return [name, *(each for n in self.linked(name, *links) for each in self.below(n, *links))]

    def chain(self, name: str) -> list[str]:
        """All sessions of a conversation."""
        return self.below(self.root(name), "compression")

    def whole(self, name: str) -> list[str]:
        """What is deleted together."""
        return self.below(self.root(name), "compression", "delegate")

    def tips(self) -> dict[str, list[str]]:
        """The tip of each conversation that a list shows, and all its sessions."""
        roots = [n for n, s in self.sessions.items() if s.link not in {"compression", "delegate"}]
        return {self.path(root)[-1]: self.below(root, "compression") for root in roots}

    @invariant()
    def conversations_are_those_of_the_model(self) -> None:
        for name in self.sessions:
            path = self.path(self.root(name))
            assert self.repository.get_lineage(name) == path
            assert (self.repository.get_root(name), self.repository.get_tip(name)) == (
                path[0],
                path[-1],
            )
        listed = self.repository.list_sessions_rich(limit=None, filter=EVERY)
        found = {each["id"]: each["message_count"] for each in listed}
        assert found == {
            tip: sum(self.sessions[each].counters()["message_count"] for each in ids)
            for tip, ids in self.tips().items()
        }

    def found(self, which: SessionFilter) -> list[SessionRecord]:
        return self.repository.search_sessions(limit=None, filter=which)

    @invariant()
    def sessions_are_those_of_the_model(self) -> None:
        stored = {each["id"]: each for each in self.found(EVERY)}
        assert stored.keys() == self.sessions.keys()
        for name, session in self.sessions.items():
            found = stored[name]
            kept = (found["parent_session_id"], found["link"], found["title"], found["end_reason"])
            assert kept == (session.parent, session.link, session.title, session.end_reason)
            said = {"archived": found["archived"] is not None, "pinned": found["pinned"]}
            assert said == {"archived": session.archived, "pinned": session.pinned}
            assert (found["ended_at"] is not None) == (session.end_reason is not None)
            assert {key: found[key] for key in session.counters()} == session.counters()
