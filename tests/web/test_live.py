"""`/live/{id}`: messages as they are stored, as server-sent events."""

import re
import threading

import pytest


@pytest.fixture
def follow(client, repository):
    """The events of a session, from when it is followed until it is deleted."""

    def followed(page, *appended, headers=None):
        def change():
            for text in appended:
                repository.append_message("s", "user", text)
            repository.delete_session("s")

        threading.Timer(0.1, change).start()
        answer = client.get(page, headers=headers)
        assert answer.headers["content-type"].startswith("text/event-stream")
        return answer.text

    return followed


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
