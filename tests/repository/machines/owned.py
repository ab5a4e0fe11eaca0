"""What owners and gateways say of sessions, and which sessions a filter means."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from repository.machines.base import IDS, Message, Session
from repository.machines.lives import Lives

from hermes_store import SessionFilter

TEXTS = st.sampled_from([None, "m", "m%", "M", "x\0y"])
FOLDERS = st.sampled_from([None, "/srv", "/srv/bot", "/SRV", "/srv\0", "%"])
KEYS = st.sampled_from(["chat", "chat 7", "%"])
PROPERTIES = st.fixed_dictionaries(
    {}, optional={"model": TEXTS, "user_id": TEXTS, "key": st.none() | KEYS, "cwd": FOLDERS}
)
BOOLS = st.sampled_from([True, False])
TIMES = st.sampled_from([1.0, 1.95e9, 2.5e9, 4e9])
NUMBERS = st.sampled_from([0, 1, 2])
FILTERS = st.fixed_dictionaries(
    {"archived": st.sampled_from([None, None, True, False])},
    optional={
        "model": TEXTS.filter(bool),
        "user_id": TEXTS.filter(bool),
        "key": KEYS,
        "cwd_prefix": FOLDERS.filter(bool),
        "id_prefix": IDS,
        "title": st.sampled_from(["t", "#2 T", "u"]),
        "link": st.sampled_from(["compression", "branch", "delegate", "reset"]),
        "open": BOOLS,
        "pinned": BOOLS,
        "min_messages": NUMBERS,
        "active_since": TIMES,
    },
)


class Owned(Lives):
    """Properties, and the calls that take a filter."""

    @initialize()
    def begin(self) -> None:
        super().begin()
        for name in ("a", "b"):
            self.create(name, None, None)
        self.create("ab", "a", "compression")

    @rule(parent=IDS)
    def go_on(self, parent: str) -> None:
        free = [name for name in ("a", "ab", "b", "c", "d") if name not in self.sessions]
        if free and parent in self.sessions:
            self.create(free[0], parent, "compression")

    # --- said of a conversation -----------------------------------------------------------------

    @rule(session_id=IDS, archived=BOOLS)
    def set_archived(self, session_id: str, archived: bool) -> None:
        def call(door):
            door.set_archived(session_id, archived)

        if self.session_or_refused(session_id, call):
            self.do(call)
            for name in self.chain(session_id):
                self.sessions[name].archived = archived

    @rule(session_id=IDS, pinned=BOOLS)
    def set_pinned(self, session_id: str, pinned: bool) -> None:
        def call(door):
            door.set_pinned(session_id, pinned)

        if self.session_or_refused(session_id, call):
            self.do(call)
            for name in self.chain(session_id):
                self.sessions[name].pinned = pinned

    # --- said of a session ----------------------------------------------------------------------

    @rule(session_id=IDS, properties=PROPERTIES)
    def update_session(self, session_id: str, properties: dict[str, Any]) -> None:
        def call(door):
            door.update_session(session_id, **properties)

        if session := self.session_or_refused(session_id, call):
            self.do(call)
            session.properties |= properties

    @rule(session_id=IDS, model=TEXTS)
    def set_session_model(self, session_id: str, model: str | None) -> None:
        def call(door):
            door.set_session_model(session_id, model)

        if session := self.session_or_refused(session_id, call):
            self.do(call)
            session.properties["model"] = model

    @rule(session_id=IDS, at=st.sampled_from([2e9, 3e9]))
    def say_something(self, session_id: str, at: float) -> None:
        def call(door):
            return door.append_message(session_id, "user", "x", timestamp=at)

        if session := self.session_or_refused(session_id, call):
            said = Message(self.do(call), "user", "x", None, at, None)
            session.messages.append(said)

    # --- many sessions --------------------------------------------------------------------------

    @rule(before=TIMES)
    def end_sessions(self, before: float) -> None:
        idle = {name for name, session in self.sessions.items()
                if session.end_reason is None and self.active(session) < before}  # fmt: skip
        assert {*self.do(lambda door: door.end_sessions(before, "idle"))} == idle
        for name in idle:
            self.sessions[name].end_reason = "idle"
            ended = self.repository.get_session(name)["ended_at"]
            assert ended == self.active(self.sessions[name])

    @rule(ids=st.lists(IDS, max_size=3))
    def delete_sessions(self, ids: list[str]) -> None:
        deleted = self.do(lambda door: door.delete_sessions(ids))
        expected = 0
        for name in ids:
            if name in self.sessions:
                expected += 1
                self.forget(self.whole(name))
        assert deleted == expected

    @rule(fields=FILTERS)
    def archive_sessions(self, fields: dict[str, Any]) -> None:
        which = SessionFilter(**{**fields, "archived": False})
        tips = {self.path(self.root(name))[-1] for name in self.sessions}
        meant = {tip for tip in tips if self.meets(tip, which)}
        assert {*self.do(lambda door: door.archive_sessions(which))} == meant
        for name in [each for tip in meant for each in self.chain(tip)]:
            self.sessions[name].archived = True

    # --- which sessions are meant ---------------------------------------------------------------

    @staticmethod
    def active(session: Session) -> float:
        latest: float = session.counters()["last_active"]
        return latest

    def meets(self, name: str, which: SessionFilter) -> bool:
        """Whether a session meets a filter, in plain words."""
        session = self.sessions[name]
        texts = {**dict.fromkeys(("model", "user_id", "key", "cwd")), **session.properties}
        states = {
            "open": session.end_reason is None,
            "archived": session.archived,
            "pinned": session.pinned,
            "link": session.link,
            **texts,
        }
        return (
            all(getattr(which, each, None) in (None, state) for each, state in states.items())
            and name.startswith(which.id_prefix or "")
            and (texts["cwd"] or "").startswith(which.cwd_prefix or "")
            and all(word in (session.title or "") for word in (which.title or "").lower().split())
            and len(session.live()) >= (which.min_messages or 0)
            and self.active(session) >= (which.active_since or 0)
        )

    @rule(fields=FILTERS)
    def a_filter_means_what_it_says(self, fields: dict[str, Any]) -> None:
        which = SessionFilter(**fields)
        meant = {name for name in self.sessions if self.meets(name, which)}
        assert {each["id"] for each in self.found(which)} == meant
        assert self.do(lambda door: door.session_count(filter=which)) == len(meant)
        assert {each["id"] for each in self.repository.export_all(filter=which)} == meant
        if which.link is None:
            listed = self.repository.list_sessions_rich(limit=None, filter=which)
            assert {each["id"] for each in listed} == meant & {*self.tips()}

    @rule(fields=FILTERS)
    def candidates_of_a_prune_are_ended_conversations_of_the_filter(
        self, fields: dict[str, Any]
    ) -> None:
        which = SessionFilter(**{name: value for name, value in fields.items() if name != "open"})
        due = self.do(lambda door: door.list_prune_candidates(0, filter=which))
        assert {each["id"] for each in due} == {
            tip
            for tip, ids in self.tips().items()
            if self.has_ended(ids) and self.meets(tip, which)
        }

    @rule(key=KEYS)
    def newest_session(self, key: str) -> None:
        having = [name for name, session in self.sessions.items()
                  if session.properties.get("key") == key and not session.archived]  # fmt: skip
        newest = max(having, key=self.begun, default=None)
        assert self.do(lambda door: door.newest_session(key)) == newest

    @invariant()
    def properties_are_those_of_the_model(self) -> None:
        for name, session in self.sessions.items():
            found = self.repository.get_session(name)
            for each, value in session.properties.items():
                assert found[each] == self.text(value)
