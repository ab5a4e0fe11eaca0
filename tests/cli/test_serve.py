"""`serve`: the link, where it listens, and how it ends. tests/web has the pages."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import httpx2
import pytest

from hermes_store import SessionRepository
from hermes_store.web.guard import is_loopback

WITHOUT = """
import sys
sys.modules["starlette"] = None
from hermes_store.cli.app import run
sys.exit(run(["serve"]))
"""


@contextmanager
def serving(*arguments):
    """The process, and the first line that it prints."""
    command = [sys.executable, "-m", "hermes_store", "serve", "--port", "0", *arguments]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def test_the_first_line_is_a_link_that_shows_what_is_stored_and_changes_nothing(filled):
    before = filled.read_bytes()
    with serving() as (_, link):
        assert link.startswith("http://127.0.0.1:")
        with httpx2.Client() as browser:
            assert browser.get(link).status_code == 200
            assert "Token refresh race" in browser.get(link.partition("?")[0]).text
        assert httpx2.get(link.partition("?")[0]).status_code == 401
        assert len(link.partition("?token=")[2]) >= 32
    assert filled.read_bytes() == before


def test_ctrl_c_ends_it_also_while_a_browser_follows_a_session(filled):
    with SessionRepository(filled) as repository:
        session_id = repository.list_sessions_rich(limit=1)[0]["id"]
    with serving("--token", "a&b=c", "--json") as (process, line):
        url, _, token = json.loads(line)["url"].partition("?token=")
        assert token == "a%26b%3Dc"
        stream, headers = f"{url}live/{session_id}?after=999999", {"Authorization": "Bearer a&b=c"}
        with httpx2.stream("GET", stream, headers=headers) as events:
            arriving = events.iter_text()
            assert next(arriving).startswith(": following")
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted: nothing was changed" in errors
    assert "Traceback" not in errors


def test_a_port_in_use_is_an_error_with_the_remedy(filled, run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("serve", "--port", taken.getsockname()[1])
    assert (done.code, done.out) == (2, "")
    assert "Address already in use; give another with --port or --host" in done.err


@pytest.mark.parametrize("token", [[], ["--token", "short"]])
def test_others_on_a_network_must_know_a_long_token(filled, run, token):
    done = run("serve", "--host", "0.0.0.0", *token)
    assert (done.code, done.out) == (2, "")
    assert "give a --token of 16 characters or more" in done.err


def test_at_another_host_a_note_says_that_nothing_is_encrypted(filled):
    with serving("--host", "0.0.0.0", "--token", "x" * 16) as (process, link):
        assert httpx2.get(link).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert "not encrypted" in process.stderr.read()
    assert link.startswith("http://localhost:")


WRONG = {
    "--token=": "the token cannot be used",
    "--port=65536": "65536 is not in the range",
    "--port=x": "not a whole number",
    "--host=store.invalid --token=0123456789abcdef": "cannot listen at store.invalid",
}


@pytest.mark.parametrize("given", WRONG)
def test_a_wrong_option_is_refused(filled, run, given):
    done = run("serve", "--port", "0", *given.split())
    assert (done.code, done.out) == (2, "")
    assert WRONG[given] in done.err


def test_a_store_that_is_not_there_is_not_made(run, home):
    done = run("serve", "--port", "0")
    assert done.code == 3
    assert "no database at" in done.err
    assert not home.exists()


def test_without_its_packages_an_error_names_the_extra():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'hermes-store[web]'" in done.stderr


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *((host, True) for host in ("127.0.0.1", "127.3.2.1", "::1", "localhost")),
        *((host, False) for host in ("0.0.0.0", "::", "192.0.2.1", "store.example")),
    ],
)
def test_which_hosts_only_this_machine_reaches(host, expected):
    assert is_loopback(host) is expected
