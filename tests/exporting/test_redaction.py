"""Redaction finds secrets in every form of text, leaves all else, and tells only how many."""

import json
import re
import string
from pathlib import Path

import pytest
from click.testing import CliRunner
from exporting.secret_texts import HEX, MIXED, NAMED, ORDINARY, SECRETS
from hypothesis import given
from hypothesis import strategies as st
from support import CHARACTERS

import hermes_store
from benchmarks.redaction import main
from hermes_store.errors import InvalidArgumentError
from hermes_store.transfer.redaction import Redaction
from hermes_store.transfer.secrets import KINDS

ALONE = [(kind, secret) for kind, texts in SECRETS.items() for secret in texts]
BEHIND_A_NAME = [(kind, *texts) for kind, rows in NAMED.items() for texts in rows]
GITHUB = SECRETS["token"][1]


@pytest.mark.parametrize(("kind", "secret"), ALONE)
def test_a_secret_is_replaced_wherever_it_stands_in_a_text(kind, secret):
    for before, after in ((">", "<"), ("It is ", " ."), ('"', '"'), ("", ", and"), ("(", ")")):
        redaction = Redaction()
        assert redaction.text(f"{before}{secret}{after}") == f"{before}[redacted: {kind}]{after}"
        assert redaction.counts == {kind: 1}


BEFORE = [
    *string.punctuation,
    *string.whitespace,
    "中",
    "...",
    "--",
    "```",
    "\\n",
    "\\\\n",
    "%20",
    "\\u00e9",
]
AFTER = [*string.punctuation, *string.whitespace, "中", "...", "```", "\\n", '\\"', "%20"]


@pytest.mark.parametrize(("kind", "secret"), ALONE)
def test_no_character_beside_a_secret_hides_it(kind, secret):
    found = [Redaction().text(each + secret) for each in BEFORE]
    found += [Redaction().text(f"{secret}{each}x") for each in AFTER]
    assert [text for text in found if secret in text] == []


@pytest.mark.parametrize(("kind", "before", "secret", "after"), BEHIND_A_NAME)
def test_a_secret_that_its_name_tells_is_replaced_and_the_name_stays(kind, before, secret, after):
    redaction = Redaction()
    assert redaction.text(before + secret + after) == f"{before}[redacted: {kind}]{after}"
    assert redaction.counts == {kind: 1}
    assert [
        each for each in BEFORE if secret in Redaction().text(each + before + secret + after)
    ] == []


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays(text):
    redaction = Redaction()
    assert redaction.text(text) == text
    assert redaction.session({"title": text, "messages": []})["title"] == text
    assert redaction.counts == {}


def test_nothing_in_our_own_code_is_taken_for_a_secret():
    redaction = Redaction([kind for kind in KINDS if kind != "e-mail"])
    for file in Path(hermes_store.__file__).parent.rglob("*.py"):
        redaction.text(file.read_text(encoding="utf-8"))
    assert redaction.counts == {}


@pytest.mark.parametrize(("kind", "secret"), ALONE)
def test_a_secret_is_replaced_in_json_within_json_which_stays_json(kind, secret):
    for escaped in (True, False):
        inner = json.dumps({"command": f"a\n{secret}\té", "n": 1.50}, ensure_ascii=escaped)
        outer = json.dumps([{"arguments": inner}], ensure_ascii=escaped)
        for text in (inner, outer):
            redaction = Redaction()
            found = json.loads(redaction.text(text))
            while not isinstance(found, dict) or "command" not in found:
                found = found[0] if isinstance(found, list) else json.loads(found["arguments"])
            assert found == {"command": f"a\n[redacted: {kind}]\té", "n": 1.5}
            assert redaction.counts == {kind: 1}


def test_json_that_holds_no_secret_stays_as_it_is_written():
    text = ' {"a" : 1.50, "b":[ 1e400, "\\u00e9\\/"], "a": "x"}\n'
    assert Redaction().text(text) == text


def test_in_json_the_name_of_a_field_tells_a_secret_of_any_characters():
    given = {"user": "ada", "Password": 'h"u\\n{t', "client_secret": HEX, "x": {"token": MIXED}}
    assert json.loads(Redaction().text(json.dumps(given))) == {
        "user": "ada",
        "Password": "[redacted: password]",
        "client_secret": "[redacted: key]",
        "x": {"token": "[redacted: token]"},
    }


def test_every_field_of_a_session_is_looked_into():
    mail = "ada@example.org"
    session = {
        "id": f"mail:{mail}",
        "title": f"To {mail}",
        "system_prompt": f"You write to {mail}",
        "user_id": mail,
        "cwd": f"/home/{mail}/x",
        "model_config": {"api_key": HEX, "temperature": 0.2},
        "extra": {"list": [{mail: f"<{mail}>"}]},
        "ended_at": None,
        "message_count": 1,
        "messages": [
            {
                "id": 7,
                "session_id": f"mail:{mail}",
                "content": [{"type": "text", "text": mail}],
                "tool_calls": [{"function": {"arguments": json.dumps({"to": mail})}}],
                "reasoning": mail,
                "key of another program": {"deep": [mail]},
                f"by {mail}": 1,
            }
        ],
        "usage": [{"base_url": "https://u:" + "s3cr3t@example.org"}],
    }
    given = json.dumps(session)
    redaction = Redaction()
    found = redaction.session(session)
    assert json.dumps(session) == given
    assert mail not in json.dumps(found)
    assert "s3cr3t" not in json.dumps(found)
    assert redaction.counts == {"e-mail": 13, "key": 1, "password": 1}
    assert found["model_config"] == {"api_key": "[redacted: key]", "temperature": 0.2}
    assert (found["ended_at"], found["message_count"], found["messages"][0]["id"]) == (None, 1, 7)
    assert found["messages"][0]["session_id"] == found["id"]


def test_ids_that_were_different_stay_different_and_equal_ones_equal():
    redaction = Redaction()
    ids = ["ada@example.org", "bob@example.org", "ada@example.org", "plain"]
    found = [redaction.session({"id": each, "messages": []})["id"] for each in ids]
    assert found == [
        "[redacted: e-mail] #1",
        "[redacted: e-mail] #2",
        "[redacted: e-mail] #1",
        "plain",
    ]
    fields = redaction.text('{"ada@example.org": 1, "bob@example.org": 2}')
    assert json.loads(fields) == {"[redacted: e-mail] #1": 1, "[redacted: e-mail] #2": 2}


def test_only_the_kinds_that_are_asked_for_are_replaced():
    text = f"ada@example.org {GITHUB} password='s3cr3t'"
    redaction = Redaction(["token"])
    assert redaction.text(text) == text.replace(GITHUB, "[redacted: token]")
    assert Redaction(["password"]).text('{"password": "s3cr3t", "token": "' + HEX + '"}') == (
        '{"password": "[redacted: password]", "token": "' + HEX + '"}'
    )


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        (["passwords"], "use one of key, token, private-key, password, e-mail"),
        ([], "give some of key"),
        ("token", "give a list"),
        (7, "give a list"),
        ([None], "use one of key"),
    ],
)
def test_a_kind_that_does_not_exist_is_refused_with_those_that_do(kinds, said):
    with pytest.raises(InvalidArgumentError, match=re.escape(said)):
        Redaction(kinds)


def test_what_was_redacted_stays_when_it_is_redacted_again():
    for _, *texts in [*ALONE, *BEHIND_A_NAME]:
        once, again = Redaction(), Redaction()
        text = once.text("".join(texts))
        assert again.text(text) == text
        assert again.counts == {}


HOSTILE = [
    "sk-", "password=", "a.", "a@a.", "-----BEGIN PRIVATE KEY-----", "://a:", "eyJa.eyJa.", "Bearer ",
    '\\"password\\":\\"', "gh", "git@", '"', '{"a":', "%40", "token:", "\\u0040", "AKIA", "\\n", "AAAA",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_megabyte_of_hostile_text_is_read_to_its_end(piece):
    """A pattern that went back over the text would not come to the end in this life."""
    text = piece * (1_000_000 // len(piece)) + f" {GITHUB}"
    assert Redaction().text(text).endswith(" [redacted: token]")


def test_ten_megabytes_of_hostile_text_are_read_and_each_secret_is_found():
    redaction = Redaction(["token"])
    part = " ".join(piece * 5_000 for piece in HOSTILE)
    found = redaction.text(f"{part} {GITHUB} \n" * (10_000_000 // len(part)))
    assert (
        found.count(" [redacted: token] \n") == redaction.counts["token"] == 10_000_000 // len(part)
    )


PIECES = st.one_of(
    st.text(CHARACTERS, max_size=20),
    st.sampled_from([secret for _, secret in ALONE]),
    st.sampled_from(["".join(texts) for _, *texts in BEHIND_A_NAME]),
    st.sampled_from(['"', "\\", "\n", "{", "}", "[", "password: ", "'", '\\"']),
)


def apart(pieces):
    """The pieces as one text, with a blank where a token would go on as another word."""
    whole = ""
    for piece in pieces:
        goes_on = re.fullmatch(r"[\w-]{2}", whole[-1:] + piece[:1])
        whole += f" {piece}" if goes_on else piece
    return whole


VALUES = st.recursive(
    st.lists(PIECES, max_size=4).map(apart) | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(CHARACTERS, max_size=5) | PIECES, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(VALUES)
def test_json_of_any_value_stays_json_of_the_same_shape(value):
    for text in (json.dumps(value), json.dumps([json.dumps(value, ensure_ascii=False)])):
        found = json.loads(Redaction().text(text))
        assert shape(found) == shape(json.loads(text))
        assert all(secret not in json.dumps(found) for secret in (GITHUB, "ada@example.org"))


def shape(value):
    if isinstance(value, dict):
        return [shape(each) for each in value.values()]
    return [shape(each) for each in value] if isinstance(value, list) else type(value)


def test_finds_in_files_are_shown_for_a_person_to_judge(tmp_path):
    (tmp_path / "a.py").write_text(f"token = '{GITHUB}'\nmail = 'ada@example.org'\n")
    (tmp_path / "b.txt").write_text(ORDINARY[0])
    printed = CliRunner().invoke(main, [str(tmp_path)]).output.splitlines()
    assert printed[0] == f"{tmp_path / 'a.py'}: token: {GITHUB!r}"
    assert printed[-1].endswith(" s: e-mail 1, token 2")
