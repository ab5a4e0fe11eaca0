"""What `import hermes_store` gives: names when they are used, a version, a silent logger."""

import subprocess
import sys
import tomllib
from pathlib import Path

import hermes_store
from hermes_store import records

ROOT = Path(hermes_store.__file__).parents[1]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def run(code: str, *flags: str) -> str:
    """What a fresh interpreter prints that has the package by its path alone."""
    command = [
        sys.executable,
        *flags,
        "-c",
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def test_the_version_is_the_project_files():
    assert hermes_store.__version__ == VERSION


def test_a_checkout_that_was_not_installed_has_a_version_too():
    isolated = ("-S", "-E")  # no site-packages: only the standard library and the checkout
    assert run("import hermes_store; print(hermes_store.__version__)", *isolated) == VERSION


def test_dir_lists_every_public_name_before_its_first_use():
    code = "import hermes_store; print(set(hermes_store.__all__) - set(dir(hermes_store)))"
    assert run(code) == "set()"


def test_every_public_name_is_there():
    assert [name for name in hermes_store.__all__ if not hasattr(hermes_store, name)] == []


def test_every_record_is_among_the_names_of_its_module():
    classes = [each for each in vars(records).values() if isinstance(each, type)]
    own = {each.__name__ for each in classes if each.__module__ == records.__name__}
    assert {name for name in own if name[0] != "_"} <= {*records.__all__}


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(hermes_store, "SessionStore")


def test_the_import_loads_neither_sqlalchemy_nor_logging_nor_typing():
    code = """
import hermes_store
print([name for name in ("sqlalchemy", "alembic", "logging", "typing") if name in sys.modules])
"""
    assert run(code, "-S", "-E") == "[]"


def test_the_logger_is_silent_until_the_program_configures_logging():
    code = """
from hermes_store import errors
import logging
print(logging.getLogger("hermes_store").handlers)
"""
    assert run(code) == "[<NullHandler (NOTSET)>]"


def test_the_logger_has_one_handler_when_logging_was_there_first():
    code = """
import logging
import hermes_store
print(logging.getLogger("hermes_store").handlers, hermes_store.errors is not None)
print(logging.getLogger("hermes_store").handlers)
"""
    assert run(code).splitlines() == ["[<NullHandler (NOTSET)>] True", "[<NullHandler (NOTSET)>]"]
