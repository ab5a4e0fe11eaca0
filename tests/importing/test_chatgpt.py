"""ChatGPT's export: trees become sessions, and every field has its place."""

from chatgpt_samples import conversation, node

BRANCHED = conversation(
    node("u", "root", text="Why?", at=1_700_000_001.0),
    node("a", "u", "assistant", "Locks", 1_700_000_002.0),
    node("b", "u", "assistant", "Vacuum", 1_700_000_003.0),
    node("c", "b", text="Thanks", at=1_700_000_004.0),
)


def contents(repository, session_id):
    return [each["content"] for each in repository.get_messages(session_id)]


def test_the_branch_that_was_open_is_the_session_and_the_other_one_a_branch_of_it(import_records):
    repository = import_records([BRANCHED])
    assert contents(repository, "c-1") == ["Why?", "Vacuum", "Thanks"]
    assert contents(repository, "c-1/a") == ["Locks"]
    branch = repository.get_session("c-1/a")
    assert (branch["parent_session_id"], branch["link"]) == ("c-1", "branch")
    assert branch["extra"] == {"chatgpt": {"behind": "u"}}


def test_a_tree_that_grew_gives_its_new_messages_to_the_sessions_that_are_there(import_records):
    import_records([BRANCHED])
    grown = conversation(
        *(each for key, each in BRANCHED["mapping"].items() if key != "root"),
        node("d", "a", text="Which?", at=1_700_000_005.0),
        node("e", "c", "assistant", "Welcome", 1_700_000_006.0),
        node("f", "c", "assistant", "My pleasure", 1_700_000_007.0),
        current="d",
    )
    repository = import_records([grown])
    assert contents(repository, "c-1") == ["Why?", "Vacuum", "Thanks", "Welcome"]
    assert contents(repository, "c-1/a") == ["Locks", "Which?"]
    assert contents(repository, "c-1/f") == ["My pleasure"]
    assert repository.get_session("c-1")["message_count"] == 4
