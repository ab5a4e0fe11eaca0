"""The asynchronous methods are those of the synchronous classes, as they are now."""

import inspect

from hermes_store import AsyncSessionRepository, SessionRepository
from hermes_store.asynchronous import generated
from tools import write_asynchronous
from tools.synchronous_source import Source, door

NO_METHODS_OF_TASKS = {"transaction", "orm_session"}


def public(owner: type) -> set[str]:
    return {name for name in dir(owner) if not name.startswith("_")}


def test_the_file_is_what_the_tool_writes_from_the_synchronous_methods():
    text = write_asynchronous.TARGET.read_text(encoding="utf-8")
    assert text == write_asynchronous.text(), "run `make asynchronous`"


def test_every_name_of_a_repository_is_there():
    missing = public(SessionRepository) - public(AsyncSessionRepository)
    assert missing == NO_METHODS_OF_TASKS


def test_every_method_has_the_parameters_the_annotations_and_the_docstring_of_its_twin():
    for name in public(SessionRepository) - NO_METHODS_OF_TASKS - {"close"}:
        ours = inspect.getattr_static(AsyncSessionRepository, name)
        theirs = inspect.getattr_static(SessionRepository, name)
        if not inspect.isfunction(theirs) or name == "iter_export":
            continue
        assert inspect.signature(ours) == inspect.signature(theirs)
        assert inspect.getdoc(ours) == inspect.getdoc(theirs)
        assert inspect.iscoroutinefunction(ours)


def test_each_topic_that_is_an_object_of_its_own_has_a_twin():
    owners = [owner for _, owner in write_asynchronous.namespaces()]
    assert {each.__name__ for each in owners} == {"Leases", "Meta", "Retention"}
    for owner in owners:
        twin = getattr(generated, f"Async{owner.__name__}")
        assert public(twin) == public(owner)
        for name in public(owner):
            ours, theirs = getattr(twin, name), getattr(owner, name)
            assert inspect.signature(ours) == inspect.signature(theirs)
            assert inspect.getdoc(ours) == inspect.getdoc(theirs)
            assert inspect.iscoroutinefunction(ours)


def test_methods_that_write_once_gather_and_methods_that_read_do_not_wait_for_writers():
    ways = {
        name: door(topic, name)
        for topic in write_asynchronous.topics()
        for name in topic.methods
        if name in public(SessionRepository) and name != "sanitize_title"
    }
    assert {
        "append_message",
        "append_messages",
        "create_session",
        "ensure_session",
        "update_token_counts",
    } <= {name for name, way in ways.items() if way == "_write"}
    assert {"get_messages", "search_messages", "list_sessions_rich"} <= {
        name for name, way in ways.items() if way == "_read"
    }
    assert {"prune_sessions", "import_sessions", "optimize"} <= {
        name for name, way in ways.items() if way == "_other"
    }


class Odd:
    """Methods that look at what they wrote, or write more than once, or not for certain."""

    def returns(self):
        return self._write(1)

    def forgets(self):
        self._write(1)
        return 2

    def uses_one_of_its_own(self):
        self.forgets()

    def looks(self):
        return self._write(1) + 1

    def keeps(self):
        found = [self._write(1)]
        return found[0]

    def twice(self):
        self._write(1)
        self._write(2)

    def maybe(self):
        if self:
            self._write(1)

    def again(self):
        return sum(iter(lambda: self._write(1), 0))

    def passes_on(self):
        return map(self._write, [1])

    def reads_too(self):
        self._read(1)
        self._write(2)


def test_only_a_method_that_writes_once_and_looks_at_no_result_gathers():
    odd = Source(Odd)
    assert [name for name in odd.methods if door(odd, name) == "_write"] == [
        "returns",
        "forgets",
        "uses_one_of_its_own",
    ]
