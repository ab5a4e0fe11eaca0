"""`/usage`: bars, a table and CSV of what was used, of chosen sessions."""

import csv
import io
import re
import xml.etree.ElementTree as ET

import pytest
from web.conftest import links, main_of

from hermes_store import values

HOSTILE = "<script>alert(1)</script>\u202e"
DAY = 86_400


@pytest.fixture
def used(repository):
    for number, source in enumerate(("cli", "telegram")):
        repository.create_session(source, source, user_id=HOSTILE)
        repository.record_usage(source, model="large", input_tokens=1_000 + number,
                                estimated_cost_usd=0.5)  # fmt: skip
    repository.record_usage("cli", model="small", output_tokens=5, actual_cost_usd=0.25)
    return repository


def shown(answer) -> list[list[str]]:
    """The cells of the table."""
    rows = re.findall(r"<tr>(<th scope=\"row\".*?)</tr>", answer.text)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


def svg_of(answer) -> ET.Element:
    return ET.fromstring(re.search(r"<figure>(.*)</figure>", answer.text, re.DOTALL)[1])


def test_the_page_has_bars_and_the_same_in_a_table_with_the_two_costs_apart(client, used):
    answer = client.get("/usage?by=model")
    assert shown(answer) == [
        ["large", "2", "2", "2,001", "0", "$1.00", ""],
        ["small", "1", "1", "0", "5", "", "$0.2500"],
    ]
    names = [each.text for each in svg_of(answer).iter("{http://www.w3.org/2000/svg}text")]
    assert {"Tokens by model", "large", "small", "input", "output"} <= {*names}


def test_days_are_those_of_the_server_and_the_heading_says_so(client, used):
    answer = client.get("/usage")
    assert "Tokens by day, local time" in main_of(answer)
    [[day, sessions, calls, *_]] = shown(answer)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", day)
    assert (sessions, calls) == ("2", "3")


def test_nothing_on_the_page_needs_what_the_policy_refuses(client, used):
    for by in ("day", "week", "month", "hour", "model", "provider", "source", "user", "task"):
        for of in ("tokens", "cost", "calls", "sessions"):
            answer = client.get(f"/usage?by={by}&of={of}")
            assert answer.status_code == 200
            assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", answer.text)
            assert "style-src 'self'" in answer.headers["content-security-policy"]
            svg_of(answer)


def test_what_is_stored_is_text_in_bars_table_and_list(client, used):
    answer = client.get("/usage?by=user")
    assert shown(answer)[0][0] == "&lt;script&gt;alert(1)&lt;/script&gt;&lt;U+202E&gt;"
    assert "\u202e" not in answer.text


def test_the_filters_are_those_of_the_list(client, used):
    used.set_archived("telegram")
    assert [row[0] for row in shown(client.get("/usage?by=source"))] == ["cli", "telegram"]
    assert [row[0] for row in shown(client.get("/usage?by=source&archived=no"))] == ["cli"]
    assert [row[0] for row in shown(client.get("/usage?by=source&source=telegram"))] == ["telegram"]
    assert "No usage was recorded of this." in main_of(client.get("/usage?title=nowhere"))


def test_of_the_last_days_what_is_older_is_left_out(client, used, monkeypatch):
    now = values.now()
    monkeypatch.setattr(values, "now", lambda: now - 40 * DAY)
    used.record_usage("cli", model="old")
    assert [row[0] for row in shown(client.get("/usage?by=model"))] == ["large", "small"]
    for days in ("90", "all"):
        found = [row[0] for row in shown(client.get(f"/usage?by=model&days={days}"))]
        assert found == ["large", "small", "old"]


def test_a_link_gives_the_same_rows_as_csv(client, used):
    page = client.get("/usage?by=model&source=cli")
    [link] = [each for each in links(page) if each.startswith("/usage.csv")]
    answer = client.get(link)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="usage.csv"'
    rows = [*csv.DictReader(io.StringIO(answer.text))]
    assert [(row["group"], row["input_tokens"], row["actual_cost_usd"]) for row in rows] == [
        ("large", "1000", ""), ("small", "0", "0.25"),
    ]  # fmt: skip


def test_the_longest_sessions_are_listed_with_their_costs_apart_and_lead_to_their_pages(
    client, used
):
    begun = used.get_session("cli")["started_at"]
    used.append_message("cli", "user", "hello", timestamp=begun + 3_600)
    used.update_token_counts("cli", 1, estimated_cost_usd=2.0, actual_cost_usd=1.5)
    assert "/usage/longest?archived=any&source=cli" in links(
        client.get("/usage?source=cli&by=model")
    )
    answer = client.get("/usage/longest")
    assert [each for each in links(answer) if each.startswith("/s/")] == ["/s/cli", "/s/telegram"]
    assert "1 h · estimated $2.00 · actual $1.50" in main_of(answer)
    chosen = client.get("/usage/longest?source=telegram")
    assert [each for each in links(chosen) if each.startswith("/s/")] == ["/s/telegram"]
    assert "There are no such sessions." in main_of(client.get("/usage/longest?title=nowhere"))


def test_of_words_of_titles_the_longest_are_sought_among_the_last_active(client, used, monkeypatch):
    monkeypatch.setattr("hermes_store.web.titles._MOST", 1)
    for number, session_id in enumerate(("old", "newer", "newest")):
        used.create_session(session_id, "cli")
        used.set_session_title(session_id, f"Parser {number}")
        used.append_message(session_id, "user", "x", timestamp=4e9 + number)
    answer = client.get("/usage/longest?title=parser")
    assert [each for each in links(answer) if each.startswith("/s/")] == ["/s/newest", "/s/newer"]
    [whole] = [each for each in links(answer) if "look=all" in each]
    assert "/s/old" in links(client.get(whole))


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("/usage?by=tool", "by: &#39;tool&#39; is not known; use one of day, week,"),
        ("/usage?of=money", "of: &#39;money&#39; is not known; use one of tokens, cost, calls, sessions."),
        ("/usage?days=5", "days: &#39;5&#39; is not known; use one of 30, 7, 90, 365, all."),
        ("/usage?records=5", "records: &#39;5&#39; is not known; use one of newest, all."),
        ("/usage.csv?month=March", "is not a month since 1970"),
        ("/usage?q=x", "q: is not known here"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_a_sentence(client, page, said):
    answer = client.get(page)
    assert answer.status_code == 400
    assert said in main_of(answer)


@pytest.mark.parametrize("page", ["/usage", "/usage.csv"])
def test_without_the_token_nothing_is_told(stranger, used, page):
    answer = stranger.get(page)
    assert answer.status_code == 401
    assert "large" not in answer.text


def test_a_long_list_is_cut_and_says_where_all_of_it_is(client, used):
    for number in range(250):
        used.record_usage("cli", model=f"m{number:03d}")
    answer = client.get("/usage?by=model")
    assert len(answer.content) < 100_000
    assert "52 rows left out; the CSV has all." in main_of(answer)
    assert client.get("/usage.csv?by=model").text.count("\n") == 253


def test_of_a_long_list_those_who_used_most_are_shown(client, used):
    for number in range(250):
        used.record_usage("cli", model=f"m{number:03d}", input_tokens=9_000 - number)
    assert [row[0] for row in shown(client.get("/usage?by=model"))][::199] == ["m000", "m199"]


@pytest.mark.parametrize("by", ["model", "provider", "source", "user", "task", "hour"])
def test_of_many_records_the_newest_are_summed_up_and_a_link_sums_up_all(
    client, used, monkeypatch, by
):
    at(used, monkeypatch, 2 * DAY, model="old")
    monkeypatch.setattr("hermes_store.web.usage._MOST_RECORDS", 3)
    everything = client.get(f"/usage?by={by}&days=all")
    assert "newest records" not in main_of(everything)
    at(used, monkeypatch, 3 * DAY, model="older")
    answer = client.get(f"/usage?by={by}&days=all")
    assert "The newest records are summed up, those since 20" in main_of(answer)
    assert calls_of(answer) == 4
    [link] = [each for each in links(answer) if each.endswith("records=all")]
    assert "newest records" not in main_of(client.get(link))
    assert calls_of(client.get(link)) == 5
    assert client.get(f"/usage.csv?by={by}&days=all").text == client.get(
        f"/usage.csv?by={by}&days=all&records=all"
    ).text  # fmt: skip


def test_newest_records_that_are_of_other_sessions_are_no_sign_that_there_are_none(
    client, used, monkeypatch
):
    at(used, monkeypatch, 2 * DAY, session="telegram", model="old")
    monkeypatch.setattr("hermes_store.web.usage._MOST_RECORDS", 1)
    used.create_session("other", "other")
    for model in ("a", "b"):
        at(used, monkeypatch, -DAY, session="other", model=model)
    answer = client.get("/usage?by=model&source=telegram&days=all")
    assert "No usage was recorded of this since then." in main_of(answer)
    [link] = [each for each in links(answer) if each.endswith("records=all")]
    assert [row[0] for row in shown(client.get(link))] == ["large", "old"]


@pytest.mark.parametrize("by", ["day", "week", "month"])
def test_days_weeks_and_months_of_all_sessions_are_of_more_records(client, used, monkeypatch, by):
    monkeypatch.setattr("hermes_store.web.usage._MOST_RECORDS", 1)
    monkeypatch.setattr("hermes_store.web.usage._MOST_IN_TIME", 3)
    at(used, monkeypatch, 100 * DAY, model="old")
    whole = client.get(f"/usage?by={by}&days=all")
    assert "newest records" not in main_of(whole)
    assert calls_of(whole) == 4
    at(used, monkeypatch, 200 * DAY, model="older")
    assert "The newest records are summed up" in main_of(client.get(f"/usage?by={by}&days=all"))


@pytest.mark.parametrize("by", ["day", "week", "month", "hour", "model", "user", "source"])
def test_of_words_of_titles_the_newest_records_are_summed_up(client, used, monkeypatch, by):
    monkeypatch.setattr("hermes_store.web.usage._MOST_TITLED", 3)
    used.set_session_title("cli", "The Parser")
    used.set_session_title("telegram", "Another")
    at(used, monkeypatch, 100 * DAY, model="old")
    at(used, monkeypatch, 200 * DAY, model="older")
    answer = client.get(f"/usage?by={by}&days=all&title=parser")
    assert calls_of(answer) == 3
    [link] = [each for each in links(answer) if each.endswith("records=all")]
    assert calls_of(client.get(link)) == 4


@pytest.mark.parametrize("by", ["day", "week", "month"])
def test_of_chosen_sessions_they_are_of_the_newest_records_and_a_link_sums_up_all(
    client, used, monkeypatch, by
):
    monkeypatch.setattr("hermes_store.web.usage._MOST_RECORDS", 3)
    at(used, monkeypatch, 100 * DAY, model="old")
    at(used, monkeypatch, 200 * DAY, model="older")
    answer = client.get(f"/usage?by={by}&days=all&source=cli")
    assert "The newest records are summed up, those since 20" in main_of(answer)
    assert calls_of(answer) == 3
    [link] = [each for each in links(answer) if each.endswith("records=all")]
    assert calls_of(client.get(link)) == 4
    assert "newest records" not in main_of(client.get(f"/usage?by={by}&days=30&source=cli"))


def at(repository, monkeypatch, before, *, session="cli", **used):
    """Record usage so many seconds ago."""
    now = values.now()
    with monkeypatch.context() as then:
        then.setattr(values, "now", lambda: now - before)
        repository.record_usage(session, **used)


def calls_of(answer) -> int:
    return sum(int(row[2]) for row in shown(answer))


def test_of_many_days_the_last_are_shown_and_the_csv_has_all(client, used, monkeypatch):
    now = values.now()
    for day in range(0, 440, 2):
        monkeypatch.setattr(values, "now", lambda day=day: now - day * DAY)
        used.record_usage("cli")
    page = client.get("/usage?days=all")
    rows = [row[0] for row in shown(page)]
    assert len(rows) == 200
    assert "Earlier days left out; the CSV has all." in main_of(page)
    days = [row["group"] for row in csv.DictReader(client.get("/usage.csv?days=all").text.split())]
    assert (len(days), days[-200:]) == (220, rows)
    assert "left out; the CSV has all" not in main_of(client.get("/usage?days=all&by=month"))
