"""Any sequence of calls leaves what a plain Python model says, and a sound file."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from stored import check

from hermes_store import SessionRepository
from hermes_store.errors import SessionNotFoundError, TitleInUseError

IDS = st.sampled_from(["a", "ab", "b", "c"])
WORDS = st.sampled_from(["alpha", "beta", "记忆", "don't", "foo/bar.py", "C++ 50%", "", "x\0y"])
CONTENT = st.none() | WORDS | st.lists(st.fixed_dictionaries({"text": WORDS}), max_size=2)
CALLS = st.none() | st.lists(st.fixed_dictionaries({"id": WORDS}), max_size=2)
TITLES = st.sampled_from(["t", "t #2", "t #3", "u", None])


class Conversations(RuleBasedStateMachine):
    """Sessions as dicts: messages, parent, title, whether ended."""

    template: Path

    @initialize()
    def open(self):
        self.folder = Path(tempfile.mkdtemp())
        self.path = Path(shutil.copy(self.template, self.folder / "state.db"))
        self.repository = SessionRepository(self.path)
        self.model = {}

    def teardown(self):
        self.repository.close()
        shutil.rmtree(self.folder)

    def knows(self, session_id):
        return session_id in self.model

    def expect(self, session_id, call):
        """Call; True when the session exists, else it must raise."""
        if self.knows(session_id):
            call()
            return True
        with pytest.raises(SessionNotFoundError):
            call()
        return False

    @rule(session_id=IDS)
    def create(self, session_id):
        self.repository.create_session(session_id, "cli")
        new = {"messages": [], "parent": None, "title": None, "ended": False}
        self.model.setdefault(session_id, new)

    @rule(session_id=IDS, parent=IDS)
    def create_child(self, session_id, parent):
        if not self.knows(session_id) and self.knows(parent):
            self.repository.create_session(session_id, "cli", parent_session_id=parent)
            self.model[session_id] = {
                "messages": [], "parent": parent, "title": None, "ended": False,
            }  # fmt: skip

    @rule(session_id=IDS, content=CONTENT, calls=CALLS)
    def append(self, session_id, content, calls):
        def call():
            self.repository.append_message(session_id, "user", content, tool_calls=calls)

        if self.expect(session_id, call):
            self.model[session_id]["messages"].append((content, calls))

    @rule(session_id=IDS, contents=st.lists(CONTENT, max_size=4))
    def append_many(self, session_id, contents):
        messages = [{"role": "user", "content": content} for content in contents]
        if self.expect(session_id, lambda: self.repository.append_messages(session_id, messages)):
            self.model[session_id]["messages"] += [(content, None) for content in contents]

    @rule(session_id=IDS)
    def clear(self, session_id):
        if self.expect(session_id, lambda: self.repository.clear_messages(session_id)):
            self.model[session_id]["messages"] = []

    @rule(session_id=IDS)
    def end(self, session_id):
        if self.expect(session_id, lambda: self.repository.end_session(session_id, "x")):
            self.model[session_id]["ended"] = True

    @rule(session_id=IDS, title=TITLES)
    def retitle(self, session_id, title):
        taken = title and any(
            s["title"] == title for name, s in self.model.items() if name != session_id
        )
        if taken:
            with pytest.raises(TitleInUseError):
                self.repository.set_session_title(session_id, title)
            return
        assert self.repository.set_session_title(session_id, title) == self.knows(session_id)
        if self.knows(session_id):
            self.model[session_id]["title"] = title

    @rule(session_id=IDS)
    def delete(self, session_id):
        assert self.repository.delete_session(session_id) == self.knows(session_id)
        self.forget([session_id])

    @rule()
    def prune(self):
        ended = [name for name, session in self.model.items() if session["ended"]]
        assert self.repository.prune_sessions(0) == len(ended)
        self.forget(ended)

    @rule()
    def export_delete_and_import(self):
        exported = self.repository.export_all()
        for session in exported:
            self.repository.delete_session(session["id"])
        assert self.repository.import_sessions(exported).sessions == len(self.model)
        assert self.repository.export_all() == exported

    def forget(self, names):
        self.model = {name: s for name, s in self.model.items() if name not in names}
        for session in self.model.values():
            if session["parent"] in names:
                session["parent"] = None

    @invariant()
    def what_is_stored_is_what_the_model_holds(self):
        stored = self.repository.export_all()
        assert {session["id"] for session in stored} == set(self.model)
        for session in stored:
            expected = self.model[session["id"]]
            found = [(m["content"], m["tool_calls"]) for m in session["messages"]]
            assert found == expected["messages"]
            assert session["message_count"] == len(found)
            assert session["tool_call_count"] == sum(len(calls or []) for _, calls in found)
            assert session["parent_session_id"] == expected["parent"]
            assert session["title"] == expected["title"]
            assert (session["ended_at"] is not None) == expected["ended"]

    @invariant()
    def the_file_and_its_search_index_are_sound(self):
        check(self.path)


def test_any_sequence_of_calls_agrees_with_the_model(template):
    Conversations.template = template
    run = settings(deadline=None, max_examples=40, stateful_step_count=25)
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(Conversations, settings=run)
