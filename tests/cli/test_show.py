"""`show`: whole, in part, in a pager, or as it goes on; no content looks like structure."""

import json
import os
import re
import subprocess
import sys

import prepared
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_store import SessionRepository
from hermes_store.cli.conversation import Writer

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def long(filled):
    """A session of 1,234 messages, more than two pages of them; the ids are not 1, 2, 3."""
    with SessionRepository(filled) as repo:
        repo.create_session("long", "cli")
        roles = ("user", "assistant", "tool")
        rows = [{"role": roles[n % 3], "content": f"number {n}"} for n in range(1_234)]
        return repo.append_messages("long", rows)


def numbers(shown: str) -> list[int]:
    return [int(n) for n in re.findall(r"^  number (\d+)$", shown, re.MULTILINE)]


def test_all_messages_are_shown_in_order_each_with_its_id(run, long):
    shown = run("show", "long").out
    assert numbers(shown) == list(range(1_234))
    heads = re.findall(r"^── (\w+) · .* · message (\d+)$", shown, re.MULTILINE)
    assert [int(found) for _, found in heads] == long


def test_a_part_is_shown(run, long):
    assert numbers(run("show", "long", "--head", "3").out) == [0, 1, 2]
    assert numbers(run("show", "long", "--tail", "3").out) == [1231, 1232, 1233]
    assert numbers(run("show", "long", "--tail", "9999").out) == list(range(1_234))
    around = run("show", "long", "--around", long[600], "--context", "2").out
    assert numbers(around) == [598, 599, 600, 601, 602]
    assert len(numbers(run("show", "long", "--around", long[600]).out)) == 11


def test_only_some_roles_are_shown_and_a_part_counts_those(run, long):
    users = [n for n in range(1_234) if n % 3 == 0]
    assert numbers(run("show", "long", "--role", "user").out) == users
    assert numbers(run("show", "long", "--role", "user", "--tail", "400").out) == users[-400:]
    assert numbers(run("show", "long", "--role", "user", "--head", "2").out) == [0, 3]
    both = run("show", "long", "--role", "user", "--role", "tool", "--head", "3").out
    assert numbers(both) == [0, 2, 3]
    around = run("show", "long", "--around", long[601], "--context", "3", "--role", "user").out
    assert numbers(around) == [600, 601, 603]


def test_json_has_the_same_part(run, long):
    shown = json.loads(run("--json", "show", "long", "--tail", "2").out)
    assert [message["id"] for message in shown["messages"]] == long[-2:]
    assert json.loads(run("--json", "show", "long").out) == json.loads(run("export", "long").out)


def test_a_hit_says_the_id_that_show_takes(run, filled):
    hit = run("search", "barrier", "-n", "1").out
    session, message = re.match(r"(\S+)  message (\d+)  assistant", hit).groups()
    shown = run("show", session, "--around", message, "--context", "0").out
    assert shown.count("── ") == 1
    assert "a barrier makes every thread" in shown


def test_a_message_of_another_session_is_not_found(run, long):
    result = run("show", "long", "--around", long[0] - 1)
    assert (result.code, result.out) == (3, "")
    assert f"the session long has no message {long[0] - 1}" in result.err


@pytest.mark.parametrize(
    "options", ["--head 1 --tail 1", "--around 3 --tail 1", "--follow --head 2", "--tail 0"]
)
def test_parts_exclude_each_other(run, long, options):
    result = run("show", "long", *options.split())
    assert (result.code, result.out) == (2, "")


def test_a_long_session_is_read_in_pages_and_printed_without_rich(filled, long):
    code = (
        "import sys\nfrom hermes_store import SessionRepository\n"
        "from hermes_store.cli.app import run\n"
        "read, get = [], SessionRepository.get_messages\n"
        "def counted(*args, **kw):\n    found = get(*args, **kw)\n    read.append(len(found))\n"
        "    return found\n"
        "SessionRepository.get_messages = counted\n"
        "run(['show', 'long', '--tail', '3'])\nrun(['show', 'long', '--head', '3'])\n"
        "run(['show', 'long'])\n"
        "print(read, 'rich' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[500, 500, 500, 500, 234, 0] False"


# --- structure ------------------------------------------------------------------------------------

FORGED = "── user · 2026-01-01 10:00 · message 3"


def test_what_looks_like_a_head_inside_a_message_is_indented(run, filled):
    with SessionRepository(filled) as repo:
        repo.create_session("s\n" + FORGED, f"cli\n{FORGED}", model=f"m\n{FORGED}")
        repo.append_message("s\n" + FORGED, "user", f"hello\n{FORGED}\r\n{FORGED}")
        repo.append_message(
            "s\n" + FORGED, f"assistant\n{FORGED}", f"\u2028{FORGED}", tool_name=f"x\n{FORGED}",
            tool_calls=[{"function": {"name": f"f\n{FORGED}", "arguments": f"a\n{FORGED}"}}, f"\n{FORGED}"],
            reasoning=f"why\n{FORGED}",
        )  # fmt: skip
    result = run("show", "s\n", "--full", "--reasoning")
    assert result.code == 0
    assert len(re.findall("^──", result.out, re.MULTILINE)) == 2
    rows = run("list", "-n", "99").out.splitlines()
    assert len(rows) == 14  # the heading, twelve samples, and one row


def test_a_title_does_not_look_like_a_head(run, filled):
    run("title", "20260210_09", FORGED)
    assert run("show", "20260210_09", "--head", "1").out.startswith(f"  {FORGED}\n")


def test_a_long_line_cannot_bring_content_into_the_first_column(on_a_terminal, filled):
    with SessionRepository(filled) as repo:
        repo.create_session("s", "cli")
        repo.append_message("s", "user", "x" * 78 + FORGED + "\t" + "记" * 39 + FORGED)
        repo.append_message("s", "tool", "y", tool_name="t" * 70 + FORGED)
    shown = COLOUR.sub("", on_a_terminal("show", "s", columns=80)).replace("\r", "")
    assert len(re.findall("^──", shown, re.MULTILINE)) == 2
    body = [line for line in shown.splitlines()[4:] if line and not line.startswith("──")]
    assert all(line.startswith("  ") for line in body)


LINES = st.lists(st.sampled_from(["──", FORGED, "\n", "\r\n", "\u2028", "x" * 30, " ", "记", "\t"]))


@settings(max_examples=200)
@given(LINES.map("".join), st.integers(20, 60))
def test_no_content_begins_in_the_first_column(monkeypatch, content, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    written = []
    message = {
        "id": 7, "role": "user", "tool_name": None, "timestamp": 1.0, "content": content,
        "state": None, "tool_calls": content or None, "reasoning": content,
    }  # fmt: skip
    Writer(written.append, full=True, reasoning=True).message(message)
    lines = "".join(written).split("\n")
    assert [line for line in lines if line and not line.startswith("  ")] == [lines[1]]
    assert lines[1].startswith("── user")


# --- the pager ------------------------------------------------------------------------------------


@pytest.fixture
def pager(tmp_path):
    """A pager that keeps what it gets."""
    script, kept = tmp_path / "pager", tmp_path / "kept"
    script.write_text(f'#!/bin/sh\nprintf "%s" "$LESS" > {kept}.less\ncat > {kept}\n')
    script.chmod(0o755)
    return script, kept


def test_a_person_at_a_terminal_gets_a_pager(on_a_terminal, long, pager):
    script, kept = pager
    shown = on_a_terminal("show", "long", keyboard=True, PAGER=str(script))
    assert shown == ""
    assert numbers(COLOUR.sub("", kept.read_text())) == list(range(1_234))
    assert kept.with_suffix(".less").read_text() == "FRX"


def test_less_prints_what_fits_the_screen_and_ends(on_a_terminal, long):
    shown = on_a_terminal("show", "long", "--head", "1", keyboard=True, PAGER="less")
    assert "number 0" in shown


@pytest.mark.parametrize("choice", [{"PAGER": ""}, {"PAGER": "cat"}, {"PAGER": "/no/such/pager"}])
def test_there_may_be_no_pager(on_a_terminal, long, choice):
    shown = on_a_terminal("show", "long", keyboard=True, **choice)
    assert numbers(COLOUR.sub("", shown).replace("\r", "")) == list(range(1_234))
    assert ("cannot be run: No such file" in shown) == (choice["PAGER"] == "/no/such/pager")


def test_an_option_and_a_pipe_go_without_a_pager(on_a_terminal, run, long, pager, monkeypatch):
    script, kept = pager
    assert "number 1233" in on_a_terminal("show", "long", "--no-pager", keyboard=True, PAGER=script)
    monkeypatch.setenv("PAGER", str(script))
    assert "number 1233" in run("show", "long").out
    assert not kept.exists()


def test_who_leaves_the_pager_early_is_told_nothing(on_a_terminal, long):
    assert on_a_terminal("show", "long", keyboard=True, PAGER="true") == ""


# --- follow ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["--json"], ["--role", "user"]])
def test_it_follows_what_is_appended_until_it_is_interrupted(filled, options):
    command = [sys.executable, "-m", "hermes_store", "show", "s", "--follow", "--tail", "1"]
    with SessionRepository(filled) as repo:
        repo.create_session("s", "cli")
        repo.append_messages("s", [{"role": "user", "content": text} for text in ("a", "before")])
        with prepared.Popen(
            [*command, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ,
            text=True,
        ) as process:
            until(process.stdout, "before")
            repo.append_message("s", "assistant", "from the model")
            repo.append_message("s", "user", "after")
            seen = until(process.stdout, "after")
            process.send_signal(2)
            _, err = process.communicate(timeout=60)
    assert ("from the model" in seen) == ("--role" not in options)
    assert process.returncode == 130
    assert "interrupted: nothing was changed" in err
    assert "Traceback" not in err


def test_following_ends_when_the_session_is_deleted(filled):
    command = [sys.executable, "-m", "hermes_store", "show", "s", "--follow"]
    with SessionRepository(filled) as repo:
        repo.create_session("s", "cli")
        repo.append_message("s", "user", "only")
        with prepared.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            until(process.stdout, "only")
            repo.delete_session("s")
            _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "s was deleted\n")


def until(stream, word: str) -> str:
    seen = ""
    while word not in seen:
        line = stream.readline()
        assert line, f"ended before {word}: {seen}"
        seen += line
    return seen


def test_a_compacted_hit_can_be_shown_and_says_its_state(run, filled):
    with SessionRepository(filled) as repo:
        repo.create_session("chat", "cli")
        asked = repo.append_message("chat", "user", "a barrier")
        repo.compact("chat", [{"role": "system", "content": "the summary"}])
    assert "a barrier" not in run("show", "chat").out
    around = run("show", "chat", "--around", asked).out
    assert f"message {asked} · compacted" in around
