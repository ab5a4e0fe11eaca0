"""Every public reader sees the messages that its line of the table says, on both databases."""

from collections.abc import Callable
from typing import Any

import pytest

from hermes_store import SessionRepository, Transaction

Reader = Callable[[Any], Any]


def said(messages: Any) -> list[str]:
    return sorted(message["content"].split()[1] for message in messages)


def found(hits: Any) -> list[str]:
    return sorted(hit["state"] or "live" for hit in hits)


def counted(sessions: Any) -> tuple[int, int, float]:
    """The counters of the session "s" in a list of sessions."""
    [one] = [each for each in sessions if each["id"] == "s"]
    return one["message_count"], one["tool_call_count"], one["last_active"]


def previewed(sessions: Any) -> list[str]:
    return [each["preview"].split()[1] for each in sessions if each["id"] == "s"]


def around(repo: Any, hidden: str, **asked: Any) -> list[str]:
    ids = {said([each])[0]: each["id"] for each in repo.get_messages("s", include="all")}
    return said(repo.get_messages("s", around_id=ids[hidden], limit=9, **asked))


LIVE, FOUND, ALL = ["live"], ["compacted", "live"], ["compacted", "live", "rewound"]
COUNTERS = (1, 1, 200.0)

# The table, by the method that reads: what each call of it gives.
READERS: dict[str, list[tuple[Any, Reader]]] = {
    "get_messages": [
        (LIVE, lambda repo: said(repo.get_messages("s"))),
        (LIVE, lambda repo: said(repo.get_messages("s", limit=9))),
        (LIVE, lambda repo: said(repo.get_messages("s", limit=9, newest=True))),
        (LIVE, lambda repo: said(repo.get_messages("s", after_id=0, before_id=10**6))),
        (LIVE, lambda repo: around(repo, "compacted")),
        (LIVE, lambda repo: around(repo, "rewound")),
        (ALL, lambda repo: around(repo, "rewound", include="all")),
        (ALL, lambda repo: said(repo.get_messages("s", include="all"))),
    ],
    "get_messages_as_conversation": [
        (LIVE, lambda repo: said(repo.get_messages_as_conversation("s"))),
        (LIVE, lambda repo: said(repo.get_messages_as_conversation("s", strict=True))),
        (ALL, lambda repo: said(repo.get_messages_as_conversation("s", include="all"))),
    ],
    "count_messages": [
        (1, lambda repo: repo.count_messages("s")),
        (1, lambda repo: repo.count_messages("s", after_id=0)),
        (3, lambda repo: repo.count_messages("s", include="all")),
    ],
    "message_count": [
        (1, lambda repo: repo.message_count("s")),
        (1, lambda repo: repo.message_count()),
    ],
    "search_messages": [
        (FOUND, lambda repo: found(repo.search_messages("needle"))),
        (FOUND, lambda repo: found(repo.search_messages("needle", sort="newest"))),
        (FOUND, lambda repo: found(repo.search_messages("needle", session_id="s"))),
        (LIVE, lambda repo: found(repo.search_messages("needle", include="live"))),
        (ALL, lambda repo: found(repo.search_messages("needle", include="all"))),
        (
            [1, 2, 3],  # a hit, and its neighbours that are seen
            lambda repo: [
                max(len(hit["context"]) for hit in repo.search_messages("needle", include=include))
                for include in ("live", "found", "all")
            ],
        ),
    ],
    "search_page": [
        (FOUND, lambda repo: found(repo.search_page("needle")["hits"])),
        (LIVE, lambda repo: found(repo.search_page("needle", include="live")["hits"])),
        (ALL, lambda repo: found(repo.search_page("needle", include="all")["hits"])),
    ],
    "list_sessions_rich": [
        (COUNTERS, lambda repo: counted(repo.list_sessions_rich())),
        (LIVE, lambda repo: previewed(repo.list_sessions_rich())),
    ],
    "longest_sessions": [
        (COUNTERS, lambda repo: counted(repo.longest_sessions())),
        (LIVE, lambda repo: previewed(repo.longest_sessions())),
    ],
    "list_lineage": [
        (COUNTERS, lambda repo: counted(repo.list_lineage("s"))),
        (LIVE, lambda repo: previewed(repo.list_lineage("s"))),
    ],
    "search_sessions": [(COUNTERS, lambda repo: counted(repo.search_sessions()))],
    "list_prune_candidates": [
        (COUNTERS, lambda repo: counted(repo.list_prune_candidates(0))),
        (LIVE, lambda repo: previewed(repo.list_prune_candidates(0))),
    ],
    "get_session": [(COUNTERS, lambda repo: counted([repo.get_session("s")]))],
    "get_session_by_title": [(COUNTERS, lambda repo: counted([repo.get_session_by_title("t")]))],
    "find_sessions": [(200.0, lambda repo: repo.find_sessions("t")[0]["last_active"])],
    "usage_by_source": [(1, lambda repo: repo.usage_by_source()[0]["message_count"])],
    # What was called was called, whatever became of the message.
    "usage_report": [(3, lambda repo: repo.usage_report(by="tool")[0]["calls"])],
    "get_stats": [(1, lambda repo: repo.get_stats()["messages"])],
    "check": [([], lambda repo: repo.check())],
    "export_session": [
        (ALL, lambda repo: said(repo.export_session("s")["messages"])),
        (COUNTERS, lambda repo: counted([repo.export_session("s")])),
    ],
    "export_lineage": [(ALL, lambda repo: said(repo.export_lineage("s")[0]["messages"]))],
    "export_all": [(ALL, lambda repo: said(repo.export_all()[0]["messages"]))],
    "iter_export": [(ALL, lambda repo: said(next(iter(repo.iter_export()))["messages"]))],
}

WRITERS = {
    "append_message", "append_messages", "archive_sessions", "clear_messages", "compact",
    "create_session",
    "delete_messages", "delete_session", "delete_sessions", "end_session", "end_sessions",
    "ensure_session", "import_sessions", "optimize", "pop_message", "prune_sessions",
    "record_usage", "reindex", "reopen_session", "replace_message", "replace_messages", "restore",
    "rewind", "set_archived", "set_pinned", "set_session_model", "set_session_title",
    "set_token_counts", "update_session", "update_system_prompt", "update_token_counts",
}  # fmt: skip
"""What these do to states, test_states.py and test_against_model.py say."""

BLIND = {
    "MAX_TITLE_LENGTH", "close", "connection", "end", "engines", "execute", "get_ancestors",
    "get_lineage",
    "get_next_title_in_lineage", "get_root", "get_session_title", "get_tip", "leases", "meta",
    "backup", "retention",
    "newest_session", "newest_usage_since", "orm_session", "resolve_session_by_title", "resolve_session_id",
    "sanitize_title", "session_count", "session_facets", "transaction", "url",
}  # fmt: skip
"""What tells nothing of messages, or gives the caller the tables themselves."""

CALLS = [
    pytest.param(name, expected, read, id=f"{name}-{number}")
    for name, calls in READERS.items()
    for number, (expected, read) in enumerate(calls)
]


@pytest.fixture
def three(repository: SessionRepository) -> SessionRepository:
    """An ended session with one message in each state; each says its state."""
    call = {"tool_calls": [{"id": "c", "function": {"name": "read", "arguments": "{}"}}]}
    repository.create_session("s", "cli")
    repository.set_session_title("s", "t")
    with repository.orm_session() as orm:
        from hermes_store.models import Session

        orm.get(Session, "s").started_at = 50.0
    repository.append_messages(
        "s", [{"role": "user", "content": "needle compacted", "timestamp": 300.0, **call}]
    )
    live = {"role": "user", "content": "needle live", "timestamp": 200.0, **call}
    repository.compact("s", [live])
    [rewound] = repository.append_messages(
        "s", [{"role": "user", "content": "needle rewound", "timestamp": 400.0, **call}]
    )
    repository.rewind("s", rewound)
    repository.end_session("s", "done")
    return repository


@pytest.mark.parametrize(("name", "expected", "read"), CALLS)
def test_every_reader_sees_what_the_table_says(three, name: str, expected: Any, read: Reader):
    assert read(three) == expected
    if hasattr(Transaction, name):
        with three.transaction() as tx:
            assert read(tx) == expected


@pytest.mark.parametrize("owner", [SessionRepository, Transaction])
def test_every_public_name_has_a_line_in_the_table_or_reads_no_messages(owner: type) -> None:
    """A new method that reads messages needs a line in `READERS`."""
    known = {*READERS, *WRITERS, *BLIND}
    assert {name for name in dir(owner) if name[0] != "_"} - known == set()


def test_a_name_has_one_place_in_the_table() -> None:
    assert len({*READERS, *WRITERS, *BLIND}) == len(READERS) + len(WRITERS) + len(BLIND)
