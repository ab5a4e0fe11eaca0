"""Training formats hold what a model was given and said; what they cannot hold is counted."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_store.records import MessageRecord
from hermes_store.transfer.exporters.openai import training_example
from hermes_store.transfer.exporters.sharegpt import conversation

CALLS = [
    {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": '{"path": "é"}'}},
    {"id": "c2", "type": "function", "function": {"name": "date", "arguments": ""}},
]
TOOL = {"type": "function", "function": {"name": "ls", "description": "List", "parameters": {}}}
TALK = [
    {"role": "user", "content": "What is there?", "name": "ada"},
    {"role": "assistant", "content": "I look.", "tool_calls": CALLS[:1], "reasoning": "hm"},
    {"role": "tool", "content": "a b", "tool_call_id": "c1", "tool_name": "ls"},
    {"role": "assistant", "content": None, "tool_calls": CALLS, "finish_reason": "tool_calls"},
    {"role": "tool", "content": "a b", "tool_call_id": "c1"},
    {"role": "tool", "content": "now", "tool_call_id": "c2"},
    {"role": "assistant", "content": "Files."},
]


def exported(repository, messages, **session):
    repository.create_session("s", "cli", **session)
    repository.append_messages("s", messages)
    return repository.export_session("s")


def examples_of(session):
    left_out, others = Counter(), Counter()
    return training_example(session, left_out), conversation(session, others), +left_out, +others


def test_openai_has_the_messages_that_a_provider_is_given(repository):
    session = exported(repository, TALK, system_prompt="Be brief", extra={"tools": [TOOL]})
    found, _, left_out, _ = examples_of(session)
    strict = repository.get_messages_as_conversation("s", strict=True)
    strict[1].pop("reasoning")
    strict[3]["tool_calls"][1]["function"]["arguments"] = ""
    assert found == {
        "messages": [{"role": "system", "content": "Be brief"}, *strict],
        "tools": [TOOL],
    }
    assert left_out == {"reasoning": 1}


def test_sharegpt_has_the_turns_of_its_document(repository):
    session = exported(repository, TALK, system_prompt="Be brief", extra={"tools": [TOOL]})
    _, found, _, left_out = examples_of(session)
    turns = [(turn["from"], turn["value"]) for turn in found.pop("conversations")]
    both = '[{"name": "ls", "arguments": {"path": "é"}}, {"name": "date", "arguments": {}}]'
    assert turns == [
        ("human", "What is there?"),
        ("function_call", '{"name": "ls", "arguments": {"path": "é"}}'),
        ("observation", "a b"),
        ("function_call", both),
        ("observation", "a b\n\nnow"),
        ("gpt", "Files."),
    ]
    assert found == {"id": "s", "system": "Be brief", "tools": json.dumps([TOOL["function"]])}
    assert left_out == {
        "reasoning": 1,
        "names of speakers": 1,
        "ids of tool calls": 3,
        "texts beside tool calls": 1,
        "turns joined to the one before": 1,
    }


ROWS = {
    "u": {"role": "user", "content": "u"},
    "a": {"role": "assistant", "content": "a"},
    "c": {"role": "assistant", "content": None, "tool_calls": CALLS[:1]},
    "t": {"role": "tool", "content": "t", "tool_call_id": "c1"},
    "s": {"role": "system", "content": "s"},
}


@pytest.mark.parametrize("system_prompt", [None, "s", "p"])
@given(text=st.text("uacts", max_size=8))
def test_sharegpt_turns_alternate_and_end_in_an_answer_whatever_the_order(text, system_prompt):
    rows = [{**dict.fromkeys(MessageRecord.__annotations__), **ROWS[each]} for each in text]
    session = {"id": "s", "system_prompt": system_prompt, "extra": None, "model_config": None}
    left_out = Counter()
    found = conversation({**session, "messages": rows}, left_out) or {"conversations": []}
    asks = [turn["from"] in {"human", "observation"} for turn in found["conversations"]]
    assert asks == [True, False] * (len(asks) // 2)
    held = len(asks) + sum(n for what, n in left_out.items() if "turn" in what or "answer" in what or "text" in what)  # fmt: skip
    assert held - left_out["sessions without a question and an answer"] == len(
        text.replace("s", "")
    )


def test_the_first_system_message_is_the_prompt_of_a_session_without_one(repository):
    rows = [
        {"role": "system", "content": "s"},
        ROWS["u"],
        ROWS["a"],
        {"role": "system", "content": "x"},
    ]
    openai, sharegpt, left_out, others = examples_of(exported(repository, rows))
    assert sharegpt["system"] == "s"
    assert (left_out, others) == ({}, {"system messages": 1})
    assert [message["content"] for message in openai["messages"]] == ["s", "u", "a", "x"]


def test_a_prompt_that_is_a_message_as_well_is_written_once(repository):
    rows = [{"role": "system", "content": "s"}, ROWS["u"], ROWS["a"]]
    openai, sharegpt, *left_out = examples_of(exported(repository, rows, system_prompt="s"))
    assert openai["messages"] == rows
    assert (sharegpt["system"], left_out) == ("s", [{}, {}])


def test_only_live_messages_are_examples_and_the_others_are_counted(repository):
    repository.create_session("s", "cli")
    ids = repository.append_messages("s", [{"role": "user", "content": str(n)} for n in range(4)])
    repository.rewind("s", ids[2])
    repository.compact("s", [{"role": "user", "content": "summary"}, ROWS["a"]])
    openai, sharegpt, left_out, others = examples_of(repository.export_session("s"))
    assert [message["content"] for message in openai["messages"]] == ["summary", "a"]
    assert [turn["value"] for turn in sharegpt["conversations"]] == ["summary", "a"]
    assert left_out == others == {"rewound messages": 2, "compacted messages": 2}


def test_images_go_with_openai_and_other_parts_are_counted(repository):
    text, image = {"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": "u"}}
    parts = [text, image, {"type": "input_audio", "input_audio": {}}, "bare", None]
    session = exported(repository, [{"role": "user", "content": parts}, ROWS["a"]])
    openai, sharegpt, left_out, others = examples_of(session)
    assert openai["messages"][0] == {"role": "user", "content": [text, image]}
    assert sharegpt["conversations"][0] == {"from": "human", "value": "see"}
    assert left_out == {"parts that are neither text nor image": 3}
    assert others == {"parts that are not text": 4}


def test_what_the_formats_do_not_know_is_counted_by_name(repository):
    rows = [
        {"role": "session_meta", "content": "x"},
        {"role": "tool", "content": "no id"},
        {"role": "assistant", "content": "a", "tool_calls": [{"type": "custom"}, 7], "audio": {"id": 1}},
    ]  # fmt: skip
    openai, sharegpt, left_out, others = examples_of(exported(repository, rows))
    assert openai == {"messages": [{"role": "assistant", "content": "a"}]}
    assert [turn["from"] for turn in sharegpt["conversations"]] == ["observation", "gpt"]
    assert left_out == {
        "messages with the role session_meta": 1,
        "messages with further fields": 1,
        "tool results without the id of a call": 1,
        "tool calls of another form": 2,
    }
    assert others == {
        "messages with the role session_meta": 1,
        "messages with further fields": 1,
        "tool calls of another form": 2,
    }


def test_a_session_without_messages_is_no_example(repository):
    openai, sharegpt, left_out, others = examples_of(exported(repository, [], system_prompt="p"))
    assert (openai, sharegpt) == (None, None)
    assert left_out == {"sessions without messages": 1}
    assert others == {"sessions without a question and an answer": 1}


def test_arguments_that_are_not_json_come_through_as_text(repository):
    calls = [
        {"function": {"name": "f", "arguments": "{oops"}},
        {"function": {"name": "f", "arguments": {"a": 1}}},
    ]
    said = {"role": "assistant", "content": None, "tool_calls": calls}
    session = exported(repository, [ROWS["u"], said])
    openai, sharegpt, _, _ = examples_of(session)
    written = [call["function"]["arguments"] for call in openai["messages"][1]["tool_calls"]]
    assert written == ["{oops", '{"a": 1}']
    said = json.loads(sharegpt["conversations"][1]["value"])
    assert [call["arguments"] for call in said] == ["{oops", {"a": 1}]
