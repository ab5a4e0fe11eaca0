"""A real browser on the pages: Debian's Chromium, and the command as a process of its own."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from hermes_store import SessionRepository
from hermes_store.cli.app import run

ROOT = Path(__file__).parents[2]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", action="store_true", help="write the pictures of docs/images")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "the tests need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def filled(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the sample conversations. Copy it; never open it."""
    path = Path(shutil.copy(template, tmp_path_factory.mktemp("filled") / "state.db"))
    examples = sorted((ROOT / "examples").glob("*.jsonl"), reverse=True)
    assert run(["--db", str(path), "import", *map(str, examples)]) == 0
    return path


@pytest.fixture
def store(filled: Path, tmp_path: Path) -> Iterator[SessionRepository]:
    """The sample conversations, open for writing as an agent has them."""
    with SessionRepository(shutil.copy(filled, tmp_path / "state.db")) as repository:
        yield repository


@pytest.fixture
def server(store: SessionRepository, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The command, as a process of its own."""
    options = ["--db", str(tmp_path / "state.db"), "serve", "--port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "hermes_store", *options],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TZ": "UTC"},
    )
    yield process
    process.terminate()
    process.communicate()


@pytest.fixture
def link(server: subprocess.Popen[str]) -> str:
    """What the command prints first."""
    return server.stdout.readline().strip()


@pytest.fixture
def opened(browser: Browser, link: str) -> Iterator[Callable[..., Page]]:
    """Open the link in a window of its own. What a page must not do fails the test at its end."""
    contexts, faults = [], []

    def open_(*, refusals_are_meant: bool = False, **options) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1100, "height": 800}} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("dialog", lambda dialog: faults.append(dialog.message) or dialog.dismiss())
        page.on("pageerror", lambda error: faults.append(str(error)))
        if not refusals_are_meant:
            page.on("console", lambda said: is_fault(said) and faults.append(said.text))
            page.on("request", lambda to: to.url.startswith(home(link)) or faults.append(to.url))
        page.goto(link)
        page.wait_for_url(home(link))
        return page

    yield open_
    for context in contexts:
        context.close()
    assert faults == []


def is_fault(said: ConsoleMessage) -> bool:
    """A refusal of the policy, an error of a script; not that a page or the server is gone."""
    is_gone = "status of 404" in said.text or "net::ERR_" in said.text
    return said.type == "error" and not is_gone


def home(link: str) -> str:
    return re.sub(r"\?.*", "", link)
