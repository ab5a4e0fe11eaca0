"""`/live/{id}`: messages as they are stored, as server-sent events."""

import itertools
import re

import pytest
from starlette.testclient import TestClient
from web.conftest import BASE, HEADERS, TOKEN

from hermes_store.web.application import application


@pytest.fixture
def follow(repository):
    """The events of a session, which is deleted when its messages have been sent."""

    def followed(page, headers=None):
        rounds = itertools.count()

        def is_ending():  # asked before each look into the store
            if next(rounds) == 1:
                repository.delete_session("s")
            return False

        pages = application(repository, TOKEN, is_ending=is_ending)
        answer = TestClient(pages, base_url=BASE, headers=HEADERS).get(page, headers=headers)
        assert answer.headers["content-type"].startswith("text/event-stream")
        return answer.text

    return followed


def test_a_server_that_ends_ends_its_streams(repository, stored):
    stored({"role": "user", "content": "x"})
    pages = application(repository, TOKEN, is_ending=lambda: True)
    answer = TestClient(pages, base_url=BASE, headers=HEADERS).get("/live/s?after=0")
    assert answer.text == ": following\n\n"


def test_a_message_that_is_appended_arrives_as_it_stands_on_the_page(client, stored, follow):
    [known] = stored({"role": "user", "content": "old"})
    shown = client.get("/s/s").text
    assert f'data-follow="/live/s?after={known}"' in shown
    events = follow("/live/s?after=0")
    lines = re.findall(r"^data: (.*)$", events, re.MULTILINE)
    article = "\n".join(lines[:-1])
    assert article in shown
    assert f"id: {known}\n" in events
    assert events.endswith("event: gone\ndata: \n\n")


def test_only_messages_behind_the_last_one_are_sent(stored, follow):
    first, last = stored({"role": "user", "content": "one"}, {"role": "user", "content": "two"})
    assert re.findall(r"^id: (\d+)$", follow(f"/live/s?after={first}"), re.MULTILINE) == [str(last)]


def test_a_browser_that_comes_back_gets_what_it_missed(stored, follow):
    first, last = stored({"role": "user", "content": "one"}, {"role": "user", "content": "two"})
    events = follow("/live/s?after=0", headers={"Last-Event-ID": str(first)})
    assert re.findall(r"^id: (\d+)$", events, re.MULTILINE) == [str(last)]


def test_a_text_cannot_forge_an_event(stored, follow):
    stored({"role": "user", "content": "x\n\nevent: gone\rdata: forged\u2028id: 7"})
    events = follow("/live/s?after=0").split("\n\n")
    assert [each.partition(":")[0] for each in events] == ["", "id", "event", ""]
    assert "\r" not in "".join(events)


def test_an_earlier_window_is_not_followed(client, stored):
    stored(*[{"role": "user", "content": "x"}] * 101)
    assert "data-follow" not in client.get("/s/s?after=0").text
