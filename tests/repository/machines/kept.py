"""What a store keeps besides: usage of sessions, meta, and leases that do not expire meanwhile."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from repository.machines.base import IDS, Machine

MODELS, TASKS = st.sampled_from(["m", "n"]), st.sampled_from([None, "title"])
KEYS = st.sampled_from(["app.a", "app.b", "apple", "%"])
VALUES = st.sampled_from([None, 1, "x", [], {"a": [True]}])
NAMES, HOLDERS = st.sampled_from(["lock", "turn"]), st.sampled_from(["p1", "p2"])
LONG = 3_600.0


class Kept(Machine):
    """What is recorded of a session goes with it; meta and leases are of no session."""

    @initialize()
    def begin_with_nothing_kept(self) -> None:
        for key in dict(self.repository.meta.items()):
            self.repository.meta.delete(key)
        for lease in self.repository.leases.held():
            self.repository.leases.release(lease["name"], lease["holder"])
        self.meta: dict[str, Any] = {}
        self.leases: dict[str, str] = {}

    # --- usage ----------------------------------------------------------------------------------

    @rule(session_id=IDS, model=MODELS, task=TASKS, tokens=st.integers(0, 9))
    def record_usage(self, session_id: str, model: str, task: str | None, tokens: int) -> None:
        def call(door):
            door.record_usage(session_id, model=model, task=task, input_tokens=tokens)

        if session := self.session_or_refused(session_id, call):
            self.do(call)
            for name, number in (("calls", 1), ("input_tokens", tokens)):
                session.used[model, name] += number

    @invariant()
    def usage_is_that_of_the_model(self) -> None:
        expected = sum((session.used for session in self.sessions.values()), Counter())
        found: Counter[tuple[str, str]] = Counter()
        for row in self.repository.usage_report(by="model"):
            for name in ("calls", "input_tokens"):
                found[row["group"], name] += row[name]  # type: ignore[literal-required]
        assert +found == +expected

    # --- meta -----------------------------------------------------------------------------------

    @rule(key=KEYS, value=VALUES)
    def set_meta(self, key: str, value: Any) -> None:
        self.do(lambda door: door.meta.set(key, value))
        self.meta[key] = value

    @rule(key=KEYS)
    def delete_meta(self, key: str) -> None:
        assert self.do(lambda door: door.meta.delete(key)) == (key in self.meta)
        self.meta.pop(key, None)

    @invariant()
    def meta_is_that_of_the_model(self) -> None:
        for prefix in ("", "app", "app.", "%"):
            expected = [(k, v) for k, v in sorted(self.meta.items()) if k.startswith(prefix)]
            assert self.repository.meta.items(prefix) == expected

    # --- leases ---------------------------------------------------------------------------------

    @rule(name=NAMES, holder=HOLDERS)
    def acquire(self, name: str, holder: str) -> None:
        had = self.do(lambda door: door.leases.acquire(name, holder, LONG))
        assert had == (self.leases.get(name, holder) == holder)
        self.leases.setdefault(name, holder)

    @rule(name=NAMES, holder=HOLDERS)
    def refresh(self, name: str, holder: str) -> None:
        had = self.do(lambda door: door.leases.refresh(name, holder, LONG))
        assert had == (self.leases.get(name) == holder)

    @rule(name=NAMES, holder=HOLDERS)
    def release(self, name: str, holder: str) -> None:
        had = self.do(lambda door: door.leases.release(name, holder))
        assert had == (self.leases.get(name) == holder)
        if had:
            del self.leases[name]

    @invariant()
    def leases_are_those_of_the_model(self) -> None:
        held = {each["name"]: each["holder"] for each in self.repository.leases.held()}
        assert held == self.leases
