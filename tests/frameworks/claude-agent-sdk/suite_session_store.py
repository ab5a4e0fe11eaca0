"""The session store of the Claude Agent SDK: the SDK's own contracts, and what they leave open."""

import asyncio
import itertools
from concurrent.futures import ThreadPoolExecutor

import given
import hypothesis
import pages
import pytest
from claude_agent_sdk.testing import run_session_store_conformance
from hypothesis import strategies as st

from hermes_store import SessionRepository
from hermes_store.adapters.claude_agent_sdk import HermesSessionStore
from hermes_store.errors import InvalidArgumentError, StoreClosedError
from hermes_store.shapes.exact import NotJsonError

KEY = {"project_key": "-home-user-project", "session_id": "1f0c"}
SUBAGENT = {**KEY, "subpath": "subagents/agent-7"}
QUESTION = {
    "type": "user",
    "uuid": "u1",
    "timestamp": "2026-01-02T03:04:05.123Z",
    "cwd": "/srv/project",
    "message": {"role": "user", "content": "Where is the needle?"},
}
ANSWER = {
    "type": "assistant",
    "uuid": "u2",
    "message": {
        "role": "assistant",
        "model": "claude-opus",
        "content": [
            {"type": "thinking", "thinking": "In the haystack?", "signature": "c2lnbmF0dXJl"},
            {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "grep -rn pin"}},
        ],
        "usage": {"input_tokens": 3, "output_tokens": 5},
    },
}
MARKS = [
    {"type": "summary", "summary": "All about needles", "leafUuid": "u2"},
    {"type": "file-history-snapshot", "snapshot": {"trackedFileBackups": {}}, "messageId": None},
    {"type": "custom-title", "customTitle": "Needles"},
]


@pytest.fixture
def store(repository):
    return HermesSessionStore(repository)


def test_all_contracts_of_the_sdk_hold(database, repository):
    def make():
        with repository.transaction() as tx:
            for session in tx.search_sessions(limit=None):
                tx.delete_session(session["id"])
        return HermesSessionStore(repository)

    asyncio.run(run_session_store_conformance(make))


@pytest.mark.parametrize("kind", given.KINDS)
def test_a_repository_of_either_kind_will_do_and_so_will_a_path(sqlite_database, kind):
    async def stored(repository):
        store = HermesSessionStore(repository)
        await store.append(KEY, [QUESTION])
        await store.close()

    with given.repository(kind, sqlite_database) as repository:
        asyncio.run(stored(repository))
    with SessionRepository(sqlite_database) as repository:
        assert repository.message_count() == 1


def test_lines_come_back_equal(store):
    async def both():
        await store.append(KEY, [QUESTION, ANSWER, *MARKS])
        return await store.load(KEY)

    assert asyncio.run(both()) == [QUESTION, ANSWER, *MARKS]


@pytest.mark.parametrize(
    "said", ["NUL \0", "half \ud83d", [{"n": float("inf")}], given.deep(300)], ids=given.begun
)
def test_a_line_that_a_database_would_alter_comes_back_equal(store, said):
    line = {"type": "user", "message": {"role": "user", "content": said}}

    async def both():
        await store.append(KEY, [line])
        return await store.load(KEY)

    assert asyncio.run(both()) == [line]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
LINES = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["user", "assistant", "system", "summary", "x", ""])},
        optional={
            "message": JSON,
            "content": JSON,
            "summary": JSON,
            "timestamp": JSON,
            "cwd": JSON,
            "state": JSON,
            "role": JSON,
            "id": JSON,
        },
    ),
    min_size=1,
    max_size=4,
)
numbers = itertools.count()


@hypothesis.settings(max_examples=150)
@hypothesis.given(lines=LINES)
def test_whatever_json_a_line_holds_it_comes_back_equal(store, lines):
    key = {"project_key": "any", "session_id": str(next(numbers))}

    async def both():
        await store.append(key, lines)
        return await store.load(key)

    assert asyncio.run(both()) == lines


@pytest.mark.parametrize("levels", [450, 600, 900, 100_000])
def test_however_deep_a_line_nests_it_comes_back_equal_or_is_refused(store, levels):
    line = {"type": "user", "message": {"role": "user", "content": given.deep(levels)}}
    if levels > 500:
        with pytest.raises(NotJsonError, match="entries: cannot be written as JSON"):
            asyncio.run(store.append(KEY, [line]))
        line = None
    else:
        asyncio.run(store.append(KEY, [line]))
    assert asyncio.run(store.load(KEY)) == (line and [line])


def test_a_batch_that_is_tried_again_is_stored_once(store):
    async def twice():
        await store.append(KEY, [QUESTION, ANSWER])
        await store.append(KEY, [QUESTION, ANSWER, *MARKS])
        return await store.load(KEY)

    assert asyncio.run(twice()) == [QUESTION, ANSWER, *MARKS]


@pytest.mark.parametrize("odd", [["a\0", "a\ud800", "a\ufffd"], ["x" * 501, "x" * 502]])
def test_lines_with_odd_uuids_are_all_stored(store, odd):
    lines = [{"type": "x", "uuid": uuid} for uuid in odd]

    async def both():
        for line in lines:
            await store.append(KEY, [line])
        return await store.load(KEY)

    assert asyncio.run(both()) == lines


def test_a_time_without_a_zone_is_of_utc(store, repository):
    written = ["2026-01-02T03:04:05", "2026-01-02T03:04:05Z", "2026-01-02T05:04:05+02:00"]
    asyncio.run(store.append(KEY, [{"type": "x", "timestamp": each} for each in written]))
    times = [
        each["timestamp"] for each in repository.get_messages("claude/-home-user-project/1f0c")
    ]
    assert times == [1_767_323_045.0] * 3


def test_a_store_that_opened_a_path_refuses_calls_after_close(sqlite_database):
    for calls_before in (0, 1):
        store = HermesSessionStore(sqlite_database)

        async def closed(store=store, calls=calls_before):
            for _ in range(calls):
                await store.load(KEY)
            await store.close()
            await store.close()
            await store.append(KEY, [QUESTION])

        with pytest.raises(StoreClosedError):
            asyncio.run(closed())


def test_one_store_serves_several_loops_at_once(sqlite_database):
    store = HermesSessionStore(sqlite_database)

    def appending(number):
        asyncio.run(store.append(KEY, [{"type": "x", "uuid": f"{number}"}]))

    with ThreadPoolExecutor(8) as threads:
        [*threads.map(appending, range(32))]

    async def loaded():
        lines = await store.load(KEY)
        await store.close()
        return lines

    assert len(asyncio.run(loaded())) == 32


def test_a_transcript_that_was_deleted_begins_again_with_the_next_append(store, repository):
    asyncio.run(store.append(KEY, [QUESTION]))
    repository.delete_session("claude/-home-user-project/1f0c")
    asyncio.run(store.append(KEY, [QUESTION, ANSWER]))
    assert asyncio.run(store.load(KEY)) == [QUESTION, ANSWER]


def test_lines_are_messages_that_are_found_listed_and_exported(store, repository):
    asyncio.run(store.append(KEY, [QUESTION, ANSWER, *MARKS]))
    for words in ("needle", '"grep -rn pin"', "haystack", "about needles"):
        assert repository.search_messages(words), words
    [listed] = repository.list_sessions_rich()
    assert listed["preview"] == "Where is the needle?"
    assert (listed["model"], listed["cwd"]) == ("claude-opus", "/srv/project")
    [exported] = repository.iter_export()
    assert len(exported["messages"]) == 5
    assert repository.check() == []


def test_a_subagent_is_a_delegate_and_goes_with_its_session(store, repository):
    async def both():
        await store.append(KEY, [QUESTION])
        await store.append(SUBAGENT, [ANSWER])
        assert await store.list_subkeys(KEY) == ["subagents/agent-7"]

    asyncio.run(both())
    assert len(repository.list_sessions_rich()) == 1
    assert repository.delete_session("claude/-home-user-project/1f0c")
    assert asyncio.run(store.load(SUBAGENT)) is None


def test_appends_of_many_tasks_are_all_there_and_the_time_of_writing_grows(store):
    async def many():
        await asyncio.gather(
            *(store.append(KEY, [{"type": "x", "uuid": f"{n}"}]) for n in range(64))
        )
        [first] = await store.list_sessions(KEY["project_key"])
        await store.append(KEY, [QUESTION])
        [second] = await store.list_sessions(KEY["project_key"])
        return len(await store.load(KEY)), first["mtime"] < second["mtime"]

    assert asyncio.run(many()) == (65, True)


def test_parts_of_a_key_with_slashes_and_percent_signs_are_kept_apart(store):
    keys = [
        {"project_key": "a/b", "session_id": "c"},
        {"project_key": "a", "session_id": "b/c"},
        {"project_key": "a%2Fb", "session_id": "c"},
        {"project_key": "a", "session_id": "b", "subpath": "c"},
    ]

    async def each():
        for number, key in enumerate(keys):
            await store.append(key, [{"type": "x", "n": number}])
        return [await store.load(key) for key in keys]

    assert asyncio.run(each()) == [[{"type": "x", "n": number}] for number in range(4)]


def test_an_empty_subpath_is_refused_and_nothing_is_stored(store, repository):
    with pytest.raises(InvalidArgumentError, match="leave it out"):
        asyncio.run(store.append({**KEY, "subpath": ""}, [QUESTION]))
    assert repository.session_count() == 0


@pytest.mark.parametrize("lines", [[5], [None], ["line"], [QUESTION, []], {"a": 1}])
def test_lines_that_are_no_objects_are_refused_and_nothing_is_stored(store, repository, lines):
    with pytest.raises(InvalidArgumentError, match="give dicts"):
        asyncio.run(store.append(KEY, lines))
    assert repository.session_count() == 0


@pytest.mark.parametrize("said", [{1}, b"bytes", object()])
def test_a_line_that_is_no_json_is_refused_also_beside_nan_and_nothing_is_stored(
    store, repository, said
):
    for line in ({**QUESTION, "said": said}, {"nan": float("nan"), "said": said}):
        with pytest.raises(InvalidArgumentError, match="give what JSON can hold"):
            asyncio.run(store.append(KEY, [line]))
    assert repository.session_count() == 0


@pytest.mark.parametrize("role", [["user"], {"user": 1}, 5, None])
def test_a_line_with_a_role_and_a_type_that_are_no_texts_comes_back(store, role):
    line = {"type": role, "message": {"role": role, "content": "x"}}
    asyncio.run(store.append(KEY, [line]))
    assert asyncio.run(store.load(KEY)) == [line]


@pytest.mark.parametrize("key", [{}, {**KEY, "session_id": 5}, {"project_key": "p"}])
def test_a_key_without_its_texts_is_refused(store, key):
    for call in (store.append(key, [QUESTION]), store.load(key), store.list_subkeys(key)):
        with pytest.raises(InvalidArgumentError, match="is not a text"):
            asyncio.run(call)


def test_a_subpath_of_none_means_the_main_transcript(store):
    asyncio.run(store.append({**KEY, "subpath": None}, [QUESTION]))
    assert asyncio.run(store.load(KEY)) == [QUESTION]


@pytest.mark.parametrize(
    ("code", "printed"), [*pages.python_blocks(pages.ROOT / "docs/frameworks/claude-agent-sdk.md")]
)
def test_what_the_page_shows_runs(code, printed, tmp_path, monkeypatch):
    pages.run(code, printed, tmp_path, monkeypatch)
