"""`export --format`, `--each` and `--redact`: the files, their names, and what is said of them."""

import json
import os
import re
import resource
import signal
import stat
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import URL
from support import CHARACTERS, until

from hermes_store import SessionRepository
from hermes_store.cli.file_names import file_name

FORMATS = ("jsonl", "md", "html", "sharegpt", "openai")
MAIL, TOKEN = "ada@example.org", "gh" + "p_" + "aB3dE5gH7j" * 4
RACE = "20260210_091204_3f9ac1"


@pytest.fixture
def secret(filled):
    """A session that holds an address and a token in all its texts."""
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": json.dumps({"to": MAIL})}}  # fmt: skip
    with SessionRepository(filled) as repo:
        repo.create_session(f"mail/{MAIL}", "mail", user_id=MAIL, system_prompt=f"Use {TOKEN}")
        repo.set_session_title(f"mail/{MAIL}", f"To {MAIL}")
        rows = [{"role": "user", "content": MAIL}, {"role": "assistant", "tool_calls": [call]}]
        repo.append_messages(f"mail/{MAIL}", rows)
    return filled


@pytest.mark.parametrize("form", FORMATS)
def test_no_format_holds_a_secret_and_their_number_is_said(run, secret, tmp_path, form):
    plain = run("export", "--source", "mail", "--format", form)
    assert MAIL in plain.out
    result = run(
        "export", "--source", "mail", "--format", form, "--redact", "--each", tmp_path / "x"
    )
    [file] = (tmp_path / "x").iterdir()
    for text in (file.name, file.read_text(), result.out, result.err):
        assert MAIL not in text
        assert TOKEN not in text
    assert "[redacted: e-mail]" in file.read_text()
    assert result.err.splitlines()[-1] == "redacted: e-mail: 7, token: 1"


def test_kinds_are_chosen_and_no_find_is_said_too(run, secret):
    result = run("export", "--source", "mail", "--redact=tokens,key")
    assert MAIL in result.out
    assert TOKEN not in result.out
    assert result.err == "redacted: token: 1\n"
    assert run("export", RACE, "--redact=password").err == "redacted: nothing\n"


@pytest.mark.parametrize("kinds", ["mails", "", "all,token", "20260210"])
def test_a_kind_that_does_not_exist_is_refused_with_those_that_do(run, filled, kinds):
    result = run("export", f"--redact={kinds}")
    assert (result.code, result.out) == (2, "")
    assert "key, token, private-key, password, e-mail" in result.err
    assert "before a SESSION write --redact=all" in result.err


@pytest.mark.parametrize("form", ["md", "html"])
def test_the_ids_of_a_conversation_are_redacted_as_well(run, secret, form):
    with SessionRepository(secret) as repo:
        repo.end_session(f"mail/{MAIL}", "compression")
        repo.create_session("tip", "mail", parent_session_id=f"mail/{MAIL}", link="compression")
    shown = run("export", "tip", "--format", form, "--redact").out
    assert MAIL not in shown
    assert re.search(r"mail/\W*redacted: e-mail\W* \\?#1\W.*tip", shown, re.DOTALL)


def test_a_redacted_export_is_imported_and_sessions_stay_apart(run, secret, tmp_path):
    with SessionRepository(secret) as repo:
        repo.create_session("mail/bob@example.org", "mail", parent_session_id=f"mail/{MAIL}")
    assert run("export", "--redact", "-o", tmp_path / "all.jsonl").code == 0
    other = tmp_path / "other.db"
    assert run("--db", other, "import", tmp_path / "all.jsonl").code == 0
    with SessionRepository(other) as repo:
        assert repo.session_count() == 14
        child = repo.get_session("mail/[redacted: e-mail] #1")
        assert repo.get_session(child["parent_session_id"])["title"] == "To [redacted: e-mail]"


def test_each_session_gets_a_private_file_and_the_same_export_replaces_it(run, filled, tmp_path):
    folder = tmp_path / "new" / "folder"
    for _ in range(2):
        result = json.loads(run("--json", "export", "--format", "md", "--each", folder).out)
        assert result == {"folder": str(folder), "sessions": 12, "messages": 141}
        assert len(list(folder.iterdir())) == 12
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    file = folder / f"{RACE}-Token-refresh-race.md"
    assert file.read_text().startswith("# Token refresh race\n")


def test_files_of_each_session_are_imported_as_the_whole_is(run, filled, tmp_path):
    assert run("export", "--each", tmp_path / "x").code == 0
    other = tmp_path / "other.db"
    assert run("--db", other, "import", *(tmp_path / "x").iterdir()).code == 0
    with SessionRepository(filled) as before, SessionRepository(other) as after:
        assert after.session_count() == 12
        assert after.export_session(RACE) == before.export_session(RACE)


def test_every_kind_of_database_is_exported_in_every_format(run, repository, database, tmp_path):
    repository.create_session("root", "cli")
    repository.append_message("root", "user", "hello")
    repository.create_session("tip", "cli", parent_session_id="root", link="compression")
    repository.append_message("tip", "user", "again")
    repository.append_message("tip", "assistant", "yes")
    url = database.render_as_string(False) if isinstance(database, URL) else database
    for form in FORMATS:
        result = run("--db", url, "export", "--format", form, "-o", tmp_path / form)
        assert result.code == 0
        assert "again" in (tmp_path / form).read_text()
    assert "conversation: root → **tip**" in (tmp_path / "md").read_text()
    assert len((tmp_path / "openai").read_text().splitlines()) == 2


def test_what_a_training_format_leaves_out_is_said(run, filled, tmp_path):
    result = run("export", "--format", "sharegpt")
    assert len(result.out.splitlines()) == 12
    assert result.err == (
        "left out: ids of tool calls: 43, parts that are not text: 1, questions without an answer: 1, "
        "reasoning: 11, texts beside tool calls: 16, turns joined to the one before: 10\n"
    )
    given = run("--json", "export", "--format", "openai", "-o", tmp_path / "x", "--redact")
    assert json.loads(given.out)["left_out"] == {"reasoning": 11}
    assert json.loads(given.out)["redacted"] == {"e-mail": 9}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--format", "pdf"], "'pdf' is not one of 'jsonl', 'md', 'html', 'sharegpt', 'openai'"),
        (["--each", "x", "-o", "y"], "-o and --each exclude each other"),
        (["--each", __file__], "is a file"),
        (["--each", ""], "it is empty: name a folder"),
    ],
)
def test_what_cannot_be_done_is_refused(run, filled, arguments, said):
    result = run("export", *arguments)
    assert result.code == 2
    assert said in result.err


def test_a_file_of_each_session_never_replaces_the_database(run, home, tmp_path):
    database = tmp_path / "s.jsonl"
    with SessionRepository(database) as repo:
        repo.create_session("s", "cli")
    result = run("--db", database, "export", "--each", tmp_path)
    assert result.code == 2
    assert "--each names a file of the database itself" in result.err
    assert run("--db", database, "list").code == 0


def test_a_link_that_lies_in_the_folder_is_replaced_and_not_followed(run, filled, tmp_path):
    target = tmp_path / "mine"
    target.write_text("mine")
    folder = tmp_path / "x"
    folder.mkdir()
    (folder / f"{RACE}-Token-refresh-race.jsonl").symlink_to(target)
    assert run("export", RACE, "--each", folder).code == 0
    assert target.read_text() == "mine"


NAMES = st.text(CHARACTERS, max_size=60) | st.sampled_from(
    ["..", ".", "/", "con", "NUL", "a/../b", "-rf", "~"]
)


@given(NAMES.filter(bool), NAMES.filter(bool), NAMES)
def test_names_of_files_are_safe_on_every_system_and_different(one, other, title):
    name = file_name(one, title, ".md")
    assert re.fullmatch(r"\w+(-[^\W_]+)*\.md", name)
    assert len(name.encode()) <= 200
    assert not re.match(r"(con|prn|aux|nul|com\d|lpt\d)[.]", name, re.IGNORECASE)
    if one != other:
        assert name.casefold() != file_name(other, title, ".md").casefold()


# --- interrupted ----------------------------------------------------------------------------------


@pytest.fixture
def long_store(tmp_path):
    """A store whose export takes a while: 40 sessions of 100 kB."""
    path = tmp_path / "long.db"
    with SessionRepository(path) as repo, repo.transaction() as tx:
        for number in range(40):
            tx.create_session(f"s{number}", "cli")
            tx.append_message(f"s{number}", "user", "- a `b` <c>\n    d\n" * 6_000)
    return path


def exporting(store, folder, **options):
    command = [sys.executable, "-m", "hermes_store", "--db", store, "export", "--format", "md"]
    return subprocess.Popen([*command, "--each", folder], stderr=subprocess.PIPE, **options)


def written(folder) -> list:
    return [file for file in folder.glob("*.md") if file.stat().st_size]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_export_leaves_whole_files_only(long_store, tmp_path, number):
    folder = tmp_path / "x"
    with exporting(long_store, folder) as process:
        until(lambda: folder.exists() and written(folder))
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    sizes = {len(re.sub(r"s\d+", "s", file.read_text())) for file in written(folder)}
    assert len(sizes) == 1
    assert len(written(folder)) < 40
    if number == signal.SIGINT:
        assert process.returncode == 130
        said = f"the files written to {folder} are whole; the same export replaces them"
        assert err.decode().strip() == f"interrupted: {said}"
    if number == signal.SIGTERM:
        assert process.returncode in {-number, 128 + number}  # a shell shows 143 for both
        assert err == b""
    if number != signal.SIGKILL:
        assert list(folder.glob("*.part")) == []


def test_ctrl_c_while_a_file_is_made_leaves_no_file(run, filled, tmp_path, monkeypatch):
    really = os.open

    def interrupted(path, *arguments, **keywords):
        descriptor = really(path, *arguments, **keywords)
        if str(path).endswith(".part"):
            os.close(descriptor)
            raise KeyboardInterrupt
        return descriptor

    monkeypatch.setattr(os, "open", interrupted)
    assert run("export", "-o", tmp_path / "all.jsonl").code == 130
    assert {file.name for file in tmp_path.iterdir()} == {"home"}


def test_a_disk_that_is_full_leaves_what_was_there_before(long_store, tmp_path):
    target = tmp_path / "x.md"
    target.write_text("before")
    command = [
        sys.executable,
        "-m",
        "hermes_store",
        "--db",
        str(long_store),
        "export",
        "--format",
        "md",
    ]

    def little_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    done = subprocess.run(
        [*command, "-o", target],
        preexec_fn=little_room,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, b"error: File too large\n")
    assert target.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir() if "part" in file.name] == []


def test_a_reader_that_leaves_ends_it_quietly(long_store):
    command = [
        sys.executable,
        "-m",
        "hermes_store",
        "--db",
        str(long_store),
        "export",
        "--format",
        "md",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.parametrize("form", FORMATS)
def test_on_a_terminal_nothing_steers_it(on_a_terminal, filled, form):
    with SessionRepository(filled) as repo:
        repo.create_session("x", "cli")
        repo.append_message("x", "user", "a\x1b[31m\u202eb")
    shown = on_a_terminal("export", "x", "--format", form)
    assert not re.search("\x1b\\[31m|\u202e", shown)
