"""`/`: which sessions are listed, chosen and paged."""

from datetime import datetime

import pytest
from web.conftest import links, main_of


def listed(answer) -> list[str]:
    return [link.removeprefix("/s/") for link in links(answer) if link.startswith("/s/")]


def imported(repository, session_id, *date, source="cli", **properties):
    """A session that was last active at a local time."""
    at = datetime(*date).timestamp()  # noqa: DTZ001 - the server's zone is meant
    session = {"id": session_id, "source": source, "started_at": at, "messages": [], **properties}
    assert repository.import_sessions([session]).sessions == 1


def test_the_last_active_session_comes_first(client, repository):
    for number in range(3):
        imported(repository, f"s{number}", 2026, 3, 10 - number)
    assert listed(client.get("/")) == ["s0", "s1", "s2"]


def test_a_line_says_title_source_model_messages_and_cost(client, stored, repository):
    stored({"role": "user", "content": "x"}, source="telegram", model="large")
    repository.set_session_title("s", "The parser")
    repository.update_token_counts("s", estimated_cost_usd=0.25)
    said = main_of(client.get("/"))
    assert ">The parser</a>" in said
    assert "telegram · large · " in said
    assert " · 1 message · $0.2500" in said


def test_pages_follow_each_other_by_key_and_show_each_session_once(client, stored):
    for number in range(120):
        stored(session_id=f"s{number:03d}")
    page, found = "/", []
    while page:
        answer = client.get(page)
        found += listed(answer)
        page = next((link for link in links(answer) if "after=" in link), "")
    assert sorted(found) == [f"s{number:03d}" for number in range(120)]


CHOSEN = {
    "/?source=telegram": ["b"],
    "/?model=large": ["a"],
    "/?user=ada": ["b"],
    "/?month=2026-02": ["a"],
    "/?title=parser": ["b"],
    "/?archived=yes": ["c"],
    "/?archived=any": ["b", "a", "c"],
    "/?source=telegram&model=large": [],
    "/?source=&model=&month=": ["b", "a"],
}


@pytest.mark.parametrize("page", CHOSEN)
def test_sessions_are_chosen_by(client, repository, page):
    imported(repository, "a", 2026, 2, 28, 23, 59, model="large")
    imported(repository, "b", 2026, 3, 1, source="telegram", user_id="ada", title="The Parser")
    imported(repository, "c", 2026, 1, 5)
    repository.set_archived("c")
    assert listed(client.get(page)) == CHOSEN[page]


def test_what_can_be_chosen_is_beside_the_list_with_how_many_have_it(client, stored):
    for number in range(3):
        stored(session_id=f"s{number}", source="a&b", user_id="ada")
    stored(session_id="t")
    said = main_of(client.get("/"))
    assert '<a href="/?source=a%26b">a&amp;b</a> 3' in said
    assert '<a href="/?user=ada">ada</a> 3' in said
    chosen = client.get("/?source=a%26b")
    assert '<a href="/" aria-current="true">a&amp;b</a> 3' in main_of(chosen)
    assert '<a href="/?source=a%26b&amp;user=ada">' in main_of(chosen)


def test_a_list_without_sessions_says_so(client):
    assert "There are no such sessions." in main_of(client.get("/"))


WRONG = {
    "/?month=March": "month: &#39;March&#39; is not a month since 1970; write it like 2026-03.",
    "/?month=1969-11": "is not a month since 1970",
    "/?month=9999-12": "is not a month since 1970",
    "/?archived=maybe": "archived: &#39;maybe&#39; is not known; use one of no, yes, any.",
    "/?sourc=cli": "sourc: is not known here; use title, source,",
    "/?source=a&source=b": "source: stands there twice; give it once.",
    "/?after=none": "after: there is no session &#39;none&#39;; give the last id of the page before.",
    "/?title=%20": "title: has no word",
    "/search?q=x&sort=best": "sort: &#39;best&#39; is not known; use one of newest, relevance, oldest.",
    "/search?q=x&offset=-1": "offset: &#39;-1&#39; is not a whole number; give one from 0 on.",
    "/search?q=" + "x" * 20_000: "query: ",
}


@pytest.mark.parametrize("page", WRONG)
def test_a_wrong_parameter_is_a_sentence_with_the_remedy(client, page):
    answer = client.get(page)
    assert answer.status_code == 400
    assert WRONG[page] in main_of(answer)
    assert '<a href="/">All sessions</a>' in main_of(answer)


def test_an_address_without_a_page_leads_back(client):
    answer = client.get("/none")
    assert answer.status_code == 404
    assert "There is no page at this address." in main_of(answer)
    assert links(answer) == ["/"]


def test_words_are_looked_for_in_so_many_titles_and_the_page_leads_on(
    client, repository, monkeypatch
):
    monkeypatch.setattr("hermes_store.web.titles._MOST", 2)
    for day in range(1, 8):
        title = f"{'Parser' if day in {1, 2, 5} else 'Other'} {day}"
        imported(repository, f"s{day}", 2026, 3, day, title=title)
    answer, found = client.get("/?title=parser"), []
    assert listed(answer) == ["s5"]
    assert "active since 2026-03-05 00:00" in main_of(answer)
    whole = next(link for link in links(answer) if "look=all" in link)
    assert listed(client.get(whole)) == ["s5", "s2", "s1"]
    while further := next((link for link in links(answer) if "after=" in link), ""):
        found += listed(answer)
        answer = client.get(further)
    assert [*found, *listed(answer)] == ["s5", "s2", "s1"]
    assert "look=all" not in main_of(client.get("/?source=cli"))
    assert "look=all" not in main_of(client.get("/?title=parser&month=2026-04"))
    monkeypatch.setattr("hermes_store.web.titles._MOST", 6)
    monkeypatch.setattr("hermes_store.web.listing._SESSIONS", 1)
    full = client.get("/?title=parser")
    assert listed(full) == ["s5"]
    assert "Looked at" not in main_of(full)
