"""What stands where: every format's fields in the columns of sessions and messages."""

import json

import log_samples
import pytest
from chatgpt_samples import conversation, node

from hermes_store.transfer.importers.log_file import files_in
from hermes_store.transfer.importers.log_formats import FORMATS, format_of
from hermes_store.transfer.importers.log_reading import Reading


def read(path, name=None):
    """The sessions of a file, each with a list of its messages; nothing is stored."""
    [file] = files_in(path)
    reading, refused = reading_of(file)
    found = {}
    for each in FORMATS[name or format_of(file)].read(reading):
        found[each["id"]] = {**each, "messages": list(each["messages"])}
    assert refused == []
    return found


def reading_of(file):
    """A reading that nothing is stored of, and the list of what it refuses."""
    refused = []
    reading = Reading(
        file,
        on_bad=lambda place, problem: refused.append(problem),
        warn=refused.append,
        known=lambda _: {},
        keep=lambda *_: None,
        report=lambda _: None,
    )
    return reading, refused


@pytest.fixture
def sample(tmp_path):
    """The sessions of the sample of a format."""
    return lambda name: read(log_samples.write(tmp_path, name))


def columns(session, *names):
    return [tuple(each.get(name) for name in names) for each in session["messages"]]


def calls(session):
    """The calls of tools in a session: id, name, arguments."""
    made = [call for each in session["messages"] for call in each.get("tool_calls") or ()]
    return [(call["id"], *call["function"].values()) for call in made]


def usage(session):
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "api_call_count")
    return tuple(session.get(name) for name in names)


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_recognised_by_what_is_in_the_file(tmp_path, name):
    path = log_samples.write(tmp_path, name)
    [file] = files_in(path.rename(tmp_path / "whatever"))
    assert format_of(file) == name


@pytest.mark.parametrize("name", FORMATS)
def test_each_message_has_a_role_a_time_and_an_id_of_its_own(sample, name):
    for session in sample(name).values():
        assert session["source"] == name
        assert all(
            role and time is not None for role, time in columns(session, "role", "timestamp")
        )
        ids = [each["external_id"] for each in session["messages"]]
        assert all(ids)
        assert len(ids) == len(set(ids))


def test_chatgpt_thoughts_code_output_images_and_instructions_have_their_columns(sample):
    [session] = sample("chatgpt").values()
    assert (session["title"], session["model"], session["started_at"]) == (
        "Slow queries",
        "o3",
        1_700_000_000.5,
    )
    assert session["system_prompt"] == "Answer in verse"
    assert columns(session, "role", "external_id", "timestamp")[1:] == [
        ("user", "u", 1_700_000_001.0),
        ("assistant", "t", 1_700_000_002),
        ("assistant", "c", 1_700_000_003),
        ("tool", "o", 1_700_000_003),  # it has no time: that of the message before it
        ("assistant", "a", 1_700_000_004.5),
    ]
    _, question, thought, _, output, _ = session["messages"]
    image, text = question["content"]
    assert image["image_url"] == {"url": "sediment://file_1"}
    assert (image["type"], image["width"], text["text"]) == ("image_url", 9, "What is it?")
    assert thought["reasoning"] == "A heron, I think"
    assert calls(session) == [("c", "python", "print(1)")]
    assert (output["tool_name"], output["tool_call_id"], output["content"]) == ("python", "c", "1")
    assert question["extra"]["chatgpt"]["status"] == "finished_successfully"
    assert session["extra"]["chatgpt"]["default_model_slug"] == "gpt-4o"


def test_a_chatgpt_tree_with_missing_parents_circles_and_no_messages_loses_nothing(tmp_path):
    nodes = [
        node("a", "nowhere", text="No parent"),
        node("b", "c", text="In a circle"),
        node("c", "b", text="too"),
        node("d", "d", text="My own parent"),
        {"id": "e", "parent": "a", "children": [], "message": None},
        node("f", "e", text="Below a node that is gone"),
    ]
    path = tmp_path / "x.json"
    path.write_text(json.dumps([conversation(*nodes, current="f"), {"mapping": {}, "title": None}]))
    found = read(path)
    said = sorted(each["content"] for one in found.values() for each in one["messages"])
    assert said == sorted(
        ["No parent", "In a circle", "too", "My own parent", "Below a node that is gone"]
    )
    assert columns(found["c-1"], "content") == [("No parent",), ("Below a node that is gone",)]
    assert {each["link"] for key, each in found.items() if key.startswith("c-1/")} == {"branch"}


def test_claude_ai_answers_are_divided_at_results_of_tools_and_files_are_parts(sample):
    found = sample("claude-ai")
    session = found["claude-1"]
    assert columns(session, "role", "external_id", "tool_call_id", "tool_name") == [
        ("user", "m1", None, None),
        ("assistant", "m2", None, None),
        ("tool", "m2/1", "t1", "web_search"),
        ("assistant", "m2/2", None, None),
    ]
    text, document, file = session["messages"][0]["content"]
    assert (text["text"], document["text"]) == ("Read this", "The owl of Minerva")
    assert (document["file_name"], file["file_name"]) == ("notes.txt", "cat.png")
    answer = session["messages"][1]
    assert (answer["reasoning"], answer["content"]) == ("An owl", "I look it up.")
    assert calls(session) == [("t1", "web_search", '{"query": "owl"}')]
    assert (session["title"], session["model"]) == ("Owls", "claude-sonnet")
    assert session["extra"] == {
        "claude-ai": {"updated_at": "2026-01-02T10:00:05Z", "account": {"uuid": "me"}}
        | {"current_leaf_message_uuid": "m2"}
    }
    branch = found["claude-1/m3"]
    assert (branch["parent_session_id"], branch["link"]) == ("claude-1", "branch")
    assert columns(branch, "content") == [("No idea.",)]


def test_claude_ai_exports_without_parents_are_one_conversation_in_their_order(tmp_path):
    [value] = log_samples.claude_ai()
    for each in value["chat_messages"]:
        del each["parent_message_uuid"]
    del value["current_leaf_message_uuid"]
    (tmp_path / "x.json").write_text(json.dumps([value]))
    found = read(tmp_path / "x.json")
    assert list(found) == ["claude-1"]
    assert columns(found["claude-1"], "external_id")[-1] == ("m3",)


def test_claude_code_transcripts_have_calls_results_usage_and_subagents(sample):
    found = sample("claude-code")
    session = found["code-1"]
    assert (session["title"], session["model"], session["cwd"]) == (
        "Mend the test",
        "claude-opus",
        "/home/me",
    )
    assert usage(session) == (5, 40, 100, 1)  # one answer, though it has two lines
    assert columns(session, "role", "content", "reasoning", "tool_name") == [
        ("user", "Mend it", None, None),
        ("assistant", None, "Hm", None),
        ("assistant", None, None, None),
        ("tool", "1 failed", None, "Bash"),
        ("user", [log_samples.IMAGE], None, None),
    ]
    assert calls(session) == [("toolu_1", "Bash", '{"command": "pytest"}')]
    assert session["messages"][3]["extra"]["claude-code"]["blocks"][0]["is_error"] is True
    agent = found["code-1/a1"]
    assert (agent["parent_session_id"], agent["link"]) == ("code-1", "delegate")
    assert columns(agent, "content") == [("Search",), ("On",)]


def test_lines_of_several_subagents_stand_between_those_of_the_session(tmp_path):
    line = {"type": "user", "sessionId": "s"}
    aside = {**line, "isSidechain": True}
    lines = [
        {**aside, "uuid": "a1", "parentUuid": None, "message": {"content": "to a"}},
        {**line, "uuid": "m1", "message": {"content": "to the session"}},
        {**aside, "uuid": "b1", "agentId": "b", "message": {"content": "to b"}},
        {**aside, "uuid": "a2", "parentUuid": "a1", "message": {"content": "to a, too"}},
    ]
    path = tmp_path / "s.jsonl"
    log_samples.write_lines(path, lines)
    found = {key: columns(each, "content") for key, each in read(path).items()}
    assert found == {
        "s": [("to the session",)],
        "s/a1": [("to a",), ("to a, too",)],
        "s/b": [("to b",)],
    }


def test_a_subagent_in_a_file_of_its_own_is_a_delegate_of_the_session(tmp_path):
    path = tmp_path / "agent-x9.jsonl"
    line = {"type": "user", "uuid": "u", "sessionId": "code-1", "isSidechain": True}
    said = {"message": {"role": "user", "content": "Look"}, "agentId": "x9"}
    log_samples.write_lines(path, [{**line, **said}])
    [(own_id, session)] = read(path).items()
    assert (own_id, session["parent_session_id"]) == ("code-1/x9", "code-1")
    assert session["link"] == "delegate"


def test_codex_rollouts_have_reasoning_calls_results_and_usage(sample):
    [session] = sample("codex").values()
    assert (session["id"], session["model"], session["cwd"], session["system_prompt"]) == (
        "codex-1",
        "gpt-5-codex",
        "/srv/code",
        "Be brief",
    )
    assert columns(session, "role", "content", "reasoning", "tool_name") == [
        ("user", "List the files", None, None),
        ("assistant", None, "Listing", None),
        ("assistant", None, None, None),
        ("tool", "a.txt", None, "shell"),
        ("system", "Files were listed", None, None),
    ]
    assert calls(session) == [("c1", "shell", "{}")]
    assert session["messages"][1]["codex_reasoning_items"][0]["encrypted_content"] == "z"
    assert usage(session) == (60, 9, 40, 1)  # told twice, counted once
    assert session["extra"]["codex"] == {"originator": "cli", "git": {"branch": "main"}}


def test_codex_rollouts_of_the_old_form_and_of_the_first_versions_are_read(tmp_path):
    lines = log_samples.old_codex()
    log_samples.write_lines(tmp_path / "old.jsonl", lines)
    (tmp_path / "first.json").write_text(
        json.dumps({"session": lines[0], "items": lines[2:]}, indent=2)
    )
    for path in ("old.jsonl", "first.json"):
        [session] = read(tmp_path / path).values()
        assert session["id"] == "codex-0"
        assert columns(session, "role", "content", "tool_name") == [
            ("user", "An old greeting", None),
            ("assistant", None, None),
            ("tool", "b.txt", "local_shell"),
        ]
        assert calls(session)[0][:2] == ("c1", "local_shell")


def test_a_forked_codex_session_is_a_branch_and_a_spawned_one_a_delegate(tmp_path):
    spawned = {"subagent": {"thread_spawn": {"parent_thread_id": "codex-1"}}}
    for more, link in (
        ({"forked_from_id": "codex-1"}, "branch"),
        ({"source": spawned}, "delegate"),
    ):
        meta = {"id": "codex-2", "timestamp": "2026-01-02T10:00:00Z", **more}
        log_samples.write_lines(tmp_path / "x.jsonl", [{"type": "session_meta", "payload": meta}])
        [session] = read(tmp_path / "x.jsonl").values()
        assert (session["parent_session_id"], session["link"]) == ("codex-1", link)


def test_training_data_that_begins_with_the_same_turn_is_as_many_sessions(import_lines):
    begin = {"from": "system", "value": "You are helpful"}
    records = [
        {"conversations": [begin, {"from": "human", "value": question}]}
        for question in ("Capital of France?", "Capital of Spain?")
    ]
    repository = import_lines(records)
    said = {
        repository.get_messages(session["id"])[1]["content"]
        for session in repository.search_sessions()
    }
    assert said == {"Capital of France?", "Capital of Spain?"}


def test_sharegpt_turns_have_roles_and_calls(sample):
    [session] = sample("sharegpt").values()
    assert session["system_prompt"] == "Be dry"
    assert columns(session, "role", "content") == [
        ("user", "Is it raining?"),
        ("assistant", None),
        ("tool", "no"),
        ("assistant", "Dry"),
    ]
    assert calls(session) == [("", "weather", '{"city": "Bern"}')]
    assert session["extra"]["sharegpt"] == {"id": "identity_0", "tools": "[]"}


def test_fine_tuning_examples_keep_every_field(sample):
    [session] = sample("openai-fine-tuning").values()
    assert session["system_prompt"] == "You forecast"
    assert columns(session, "role", "tool_call_id") == [
        ("system", None),
        ("user", None),
        ("assistant", None),
        ("tool", "c1"),
    ]
    assert session["messages"][1]["content"][1]["type"] == "image_url"
    assert session["messages"][2]["extra"] == {"openai-fine-tuning": {"weight": 0}}
    assert session["extra"]["openai-fine-tuning"]["parallel_tool_calls"] is False


def test_llm_responses_have_prompts_attachments_calls_and_results(sample):
    found = sample("llm")
    session = found["llm-1"]
    assert (session["title"], session["model"]) == ("Pelicans", "gpt-4o")
    assert session["system_prompt"] == "Be an artist"
    assert session["started_at"] == 1_746_093_600.5
    assert usage(session)[:2] == (22, 9)
    assert columns(session, "role", "external_id") == [
        ("system", "r1/system"),
        ("user", "r1/prompt"),
        ("assistant", "r1"),
        ("tool", "r2/result-1"),
        ("assistant", "r2"),
    ]
    image, prompt = session["messages"][1]["content"]
    assert image["image_url"] == {"url": "data:image/png;base64,aGk="}
    assert prompt == {"type": "text", "text": "Draw a pelican"}
    assert calls(session) == [("c1", "draw", '{"what": "pelican"}')]
    assert columns(found["r3"], "content") == [("Alone",), ("Yes",)]
    [oldest] = [each for each in found.values() if len(each["messages"]) == 4]
    assert columns(oldest, "content") == [("Oldest",), ("Indeed",), ("Older",), ("So it is",)]
    assert oldest["started_at"] == 1_682_935_200.0


def test_llm_threads_have_their_own_messages_and_forks_are_branches(tmp_path):
    log_samples.llm_threads(tmp_path / "logs.db")
    found = read(tmp_path / "logs.db")
    session, fork = found["thread-1"], found["thread-2"]
    assert columns(session, "role", "content", "reasoning", "timestamp") == [
        ("user", "A long fragment. Sum", None, 1_777_629_600.0),
        ("assistant", None, "I add", 1_777_629_600.0),
        ("tool", "3", None, 1_777_629_605.0),
        ("assistant", "It is 3", None, 1_777_629_605.0),
    ]
    assert calls(session) == [("c1", "add", '{"a": 1}')]
    assert usage(session)[:2] == (16, 5)
    assert (fork["parent_session_id"], fork["link"]) == ("thread-1", "branch")
    assert columns(fork, "content") == [("Forget it",)]


def test_openai_agents_items_are_the_messages_of_the_adapter(sample):
    [session] = sample("openai-agents").values()
    assert session["started_at"] == 1_767_347_940.0
    assert columns(session, "role", "content", "reasoning") == [
        ("user", "Add 1", None),
        ("assistant", None, None),
        ("tool", "2", None),
        ("assistant", None, "Adding"),
    ]
    assert session["messages"][3]["extra"] == {"openai_agents": {"summary": {"id": "r"}}}


def test_adk_events_are_the_messages_of_the_adapter(sample):
    [session] = sample("google-adk").values()
    assert (session["id"], session["user_id"], session["key"]) == (
        "adk/app/me/adk-1",
        "me",
        "adk/app/me",
    )
    assert columns(session, "role", "content", "reasoning") == [
        ("user", "Will it hail?", None),
        ("assistant", None, "Thinking"),
    ]
    assert calls(session) == [("f1", "weather", '{"city": "Bern"}')]
    assert usage(session)[:2] == (10, 4)
    assert session["extra"]["google_adk"]["state"] == {"x": 1}


def test_adk_events_of_the_first_schema_are_read_and_their_pickles_are_not_opened(tmp_path):
    log_samples.old_google_adk(tmp_path / "adk.db")
    [session] = read(tmp_path / "adk.db").values()
    [message] = session["messages"]
    assert (message["content"], message["timestamp"]) == ("Is it windy?", 1_767_348_000.5)
    assert message["extra"]["google-adk"] == {"actions_pickled": "gAVOLg=="}


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_times_without_a_zone_are_of_utc_whatever_the_zone_of_the_machine(
    sample, monkeypatch, zone
):
    monkeypatch.setenv("TZ", zone)
    assert sample("llm")["llm-1"]["started_at"] == 1_746_093_600.5


def test_what_is_appended_while_a_transcript_is_read_is_for_the_next_import(tmp_path):
    path = tmp_path / "code-1.jsonl"
    lines = log_samples.claude_code()
    log_samples.write_lines(path, lines[:4])
    [file] = files_in(path)
    reading, refused = reading_of(file)
    [session] = FORMATS["claude-code"].read(reading)
    log_samples.write_lines(path, lines)
    assert len(list(session["messages"])) == 2
    assert refused == []
