"""The pages, asked in this process by Starlette's test client."""

import asyncio
import html
import re

import httpx2
import pytest
from starlette.testclient import TestClient

from hermes_store.web.application import application

TOKEN = "a-token-of-the-test"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
BASE = "http://127.0.0.1:8766"


def main_of(answer) -> str:
    """What a page says between its head and its end."""
    return re.search(r"<main.*?>\n(.*)</main>", answer.text, re.DOTALL)[1]


def links(answer) -> list[str]:
    return [html.unescape(each) for each in re.findall(r'href="([^"]*)"', main_of(answer))]


def ids(answer) -> list[int]:
    """The messages of a page, in their order."""
    return [int(each) for each in re.findall(r'<article id="m(\d+)"', answer.text)]


def over_asgi(repository, page):
    """A page, asked as a server does: the test client decodes an address twice."""

    async def asked():
        transport = httpx2.ASGITransport(application(repository, TOKEN))
        async with httpx2.AsyncClient(
            transport=transport, base_url=BASE, headers=HEADERS
        ) as client:
            return await client.get(page)

    return asyncio.run(asked())


@pytest.fixture
def stranger(repository):
    """A browser that nobody gave the link to."""
    return TestClient(application(repository, TOKEN), base_url=BASE)


@pytest.fixture
def client(repository):
    """A program that has the token."""
    return TestClient(application(repository, TOKEN), base_url=BASE, headers=HEADERS)


@pytest.fixture
def stored(repository):
    """A session `s` with messages, which are given as to append_messages."""

    def store(*messages, session_id="s", **properties):
        repository.create_session(session_id, properties.pop("source", "cli"), **properties)
        return repository.append_messages(session_id, messages) if messages else []

    return store
