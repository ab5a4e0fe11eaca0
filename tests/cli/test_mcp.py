"""`mcp` where its package is not installed; tests/frameworks has the command itself."""

import subprocess
import sys

import pytest

WITHOUT = """
import sys
sys.modules["mcp"] = None
from hermes_store.cli.app import run
sys.exit(run(["mcp"]))
"""


def test_without_the_package_an_error_names_the_extra():
    command = [sys.executable, "-c", WITHOUT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'hermes-store[mcp]'" in done.stderr


BAD = {
    "empty": b"",
    "a blank inside": b"a b\n",
    "not ASCII": "gr\u00fc\u00df\n".encode(),
    "not UTF-8": b"\xff\xfe",
    "too long": b"x" * 10_000,
}


@pytest.mark.parametrize("bad", BAD)
def test_a_token_that_no_header_holds_is_refused(run, tmp_path, bad):
    (tmp_path / "token").write_bytes(BAD[bad])
    result = run("mcp", "--http", "--token-file", tmp_path / "token")
    assert (result.code, result.out) == (2, "")
    assert "give 1 to 500 characters of ASCII without blanks" in result.err


def test_a_token_file_that_is_missing_is_named(run, tmp_path):
    result = run("mcp", "--http", "--token-file", tmp_path / "no-such-file")
    assert result.code == 2
    assert "no-such-file" in result.err


def test_two_tokens_are_refused(run, tmp_path, monkeypatch):
    (tmp_path / "token").write_text("one\n")
    monkeypatch.setenv("HERMES_STORE_MCP_TOKEN", "two")
    result = run("mcp", "--http", "--token-file", tmp_path / "token")
    assert (result.code, result.out) == (2, "")
    assert "there are two tokens" in result.err
