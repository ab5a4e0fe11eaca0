"""A file that another program cuts short while it is open but not mapped: an error, not the end."""

import subprocess
import sys

import pytest

CUT = """
import os, sys
from hermes_store import SessionRepository
from hermes_store.errors import HermesStoreError

path, how = sys.argv[1:]
repository = SessionRepository(path, mmap_size=0)
repository.create_session("s", "cli")
for number in range(200):
    repository.append_message("s", "user", "needle " * 100)
repository.optimize()
repository.get_messages("s")
if how == "emptied":
    os.truncate(path, 0)
else:
    os.truncate(path, os.path.getsize(path) // 2)
for call in (
    lambda: repository.get_messages("s"),
    lambda: repository.search_messages("needle"),
    lambda: repository.append_message("s", "user", "more"),
    repository.check,
    repository.close,
):
    try:
        call()
    except HermesStoreError as exc:
        print(type(exc).__name__)
"""


@pytest.mark.parametrize("how", ["emptied", "halved"])
def test_without_mmap_a_file_that_is_cut_short_while_it_is_open_is_a_typed_error(tmp_path, how):
    command = [sys.executable, "-c", CUT, str(tmp_path / "state.db"), how]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Error" in done.stdout
