"""Children that are forked from the prepared process are what `subprocess` starts."""

import os
import signal
import subprocess
import sys

import prepared
import pytest

HERE = "import os, sys; print(sys.argv, os.getcwd(), os.environ.get('SAID'), sys.stdin.read())"
ENDS = {
    "": 0,
    "import sys; sys.exit(3)": 3,
    "import sys; sys.exit('a word')": 1,
    "1 / 0": 1,
    "import os, signal; os.kill(os.getpid(), signal.SIGTERM)": -15,
    "raise KeyboardInterrupt": -2,
}


@pytest.mark.parametrize("start", [prepared.run, subprocess.run], ids=["forked", "started"])
def test_words_folder_environment_and_streams_are_those_that_are_given(start, tmp_path):
    command = [sys.executable, "-W", "error", "-c", HERE, "a", "b"]
    given = {"input": "typed", "env": os.environ | {"SAID": "x"}, "cwd": tmp_path}
    done = start(command, capture_output=True, text=True, check=False, **given)
    assert (done.stdout, done.stderr) == (f"['-c', 'a', 'b'] {tmp_path} x typed\n", "")


@pytest.mark.parametrize("code", ENDS)
def test_it_ends_as_an_interpreter_does(code):
    command = [sys.executable, "-c", code]
    done = prepared.run(command, capture_output=True, text=True)
    assert done.returncode == ENDS[code]
    assert ("Traceback" in done.stderr) == (code in {"1 / 0", "raise KeyboardInterrupt"})
    assert ("a word" in done.stderr) == ("a word" in code)


def test_it_is_a_process_that_can_be_killed():
    command = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(60)"]
    with prepared.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"here\n"
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def test_what_only_a_new_interpreter_looks_at_starts_one():
    code = "import sys; print('sqlalchemy' in sys.modules)"
    here = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    other = here | {"PYTHONDONTWRITEBYTECODE": "1"}
    started, forked = (here, other) if here != dict(os.environ) else (other, here)
    for environment, expected in ((started, False), (forked, True)):
        done = prepared.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment
        )
        assert done.stdout == f"{expected}\n"


def test_a_child_imports_the_package_that_its_own_path_names(tmp_path):
    (tmp_path / "hermes_store").mkdir()
    (tmp_path / "hermes_store" / "__init__.py").write_text("")
    code = "import hermes_store, sys; print(hermes_store.__path__, 'hermes_store.migrate' in sys.modules)"
    for path, prepared_one in ((prepared.ROOT, True), (tmp_path, False)):
        done = prepared.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            cwd=tmp_path.parent,
            env=os.environ | {"PYTHONPATH": str(path)},
        )
        assert done.stdout == f"['{path / 'hermes_store'}'] {prepared_one}\n"
