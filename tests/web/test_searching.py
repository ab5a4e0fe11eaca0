"""`/search`: hits by session, highlighted, with their neighbours."""

import re

import pytest
from web.conftest import links, main_of


def test_hits_are_grouped_by_session_and_lead_into_it(client, stored, repository):
    first = stored(
        {"role": "user", "content": "needle one"},
        {"role": "user", "content": "needle two"},
        session_id="a",
    )
    second = stored({"role": "user", "content": "needle three"}, session_id="b")
    repository.set_session_title("a", "Threads")
    answer = client.get("/search?q=needle&sort=oldest")
    said = main_of(answer)
    assert said.count('<section class="hits">') == 2
    assert said.count("<mark>needle</mark>") == 3
    expected = [f"/s/a?m={each}#m{each}" for each in first] + [f"/s/b?m={second[0]}#m{second[0]}"]
    assert [link for link in links(answer) if "#m" in link] == expected
    assert '<h2 dir="auto"><a href="/s/a">Threads</a></h2>' in said
    assert '<h2 dir="auto"><a href="/s/b">b</a></h2>' in said


def test_a_hit_has_its_neighbours(client, stored):
    stored(*({"role": "user", "content": text} for text in ("before it", "the needle", "after it")))
    said = main_of(client.get("/search?q=needle"))
    assert "<b>user</b> before it" in said
    assert "<b>user</b> after it" in said


def test_a_search_can_be_chosen_ordered_and_paged(client, stored):
    for source in ("cli", "telegram"):
        stored(*[{"role": "user", "content": "needle"}] * 30, session_id=source, source=source)
    page, found = "/search?q=needle&source=cli&sort=newest", 0
    while page:
        answer = client.get(page)
        assert "telegram" not in main_of(answer)
        found += main_of(answer).count("<mark>")
        page = next((link for link in links(answer) if "from=" in link), "")
    assert found == 30


def look_at(monkeypatch, number):
    for database in ("sqlite", "postgresql"):
        monkeypatch.setattr(f"hermes_store.search.{database}.RANKED", number)


def hits(answer):
    return [link.partition("#m")[2] for link in links(answer) if "#m" in link]


@pytest.mark.parametrize(
    ("sort", "said"), [("newest", "back"), ("relevance", "back"), ("oldest", "on")]
)
def test_a_search_looks_at_so_many_messages_and_a_link_looks_further(
    client, stored, monkeypatch, sort, said
):
    look_at(monkeypatch, 10)
    languages = ("C++", "C", "C#", "C")
    messages = [
        {"role": "user", "content": languages[number % 4], "timestamp": 3600.0 * (number + 100)}
        for number in range(40)
    ]
    expected = [str(id_) for id_ in stored(*messages)[::4]]
    if sort != "oldest":
        expected.reverse()
    found, page, looked = [], f"/search?q=C%2B%2B&sort={sort}", 0
    while page:
        answer = client.get(page)
        found += hits(answer)
        looked += 1
        page = next((link for link in links(answer) if "from=" in link), "")
        assert bool(page) == (f"Look further {said}" in main_of(answer))
        assert bool(page) == ("1970-01-" in re.sub("<time>.*?</time>", "", main_of(answer)))
    assert (found, looked) == (expected, 4)


@pytest.mark.parametrize("sort", ["newest", "oldest"])
def test_pages_in_the_order_of_storing_go_on_by_key(client, stored, monkeypatch, sort):
    look_at(monkeypatch, 30)
    expected = [str(id_) for id_ in stored(*[{"role": "user", "content": "C++"}] * 70)]
    found, page = [], f"/search?q=C%2B%2B&sort={sort}"
    while page:
        answer = client.get(page)
        found += hits(answer)
        assert "offset=" not in main_of(answer)
        page = next((link for link in links(answer) if "from=" in link), "")
    assert found == (expected if sort == "oldest" else expected[::-1])


def test_a_ranked_page_that_is_full_says_where_it_looked_and_goes_on_among_that(
    client, stored, monkeypatch
):
    look_at(monkeypatch, 30)
    expected = [str(id_) for id_ in stored(*[{"role": "user", "content": "C++"}] * 70)][::-1]
    first = client.get("/search?q=C%2B%2B&sort=relevance")
    more = next(link for link in links(first) if "offset=" in link)
    second = client.get(more)
    assert hits(first) + hits(second) == expected[:30]
    for answer in (first, second):
        further = next(link for link in links(answer) if "from=" in link)
        assert "Look further back" in main_of(answer)
        assert hits(client.get(further)) == expected[30:50]


def test_far_behind_the_best_hits_a_page_has_to_look_at_all(client, stored, monkeypatch):
    monkeypatch.setattr("hermes_store.web.search._FARTHEST", 20)
    expected = [str(id_) for id_ in stored(*[{"role": "user", "content": "needle"}] * 50)][::-1]
    found, page = [], "/search?q=needle&sort=relevance"
    while page:
        answer = client.get(page)
        found.append(hits(answer))
        page = next((link for link in links(answer) if "offset=" in link), "")
        assert ("look=all" in page) == (len(found) == 2)
    assert found == [expected[:20], expected[20:40], expected[40:]]
    refused = client.get("/search?q=needle&offset=21")
    assert refused.status_code == 400
    assert "add look=all, or order by newest" in main_of(refused)


def test_a_search_that_found_nothing_so_far_says_where_it_looked_and_can_look_at_all(
    client, stored, monkeypatch
):
    look_at(monkeypatch, 10)
    first = stored({"role": "user", "content": "needle"}, source="seldom")
    stored(*[{"role": "user", "content": "needle"}] * 30, session_id="others")
    answer = client.get("/search?q=needle&source=seldom")
    assert "No message holds this among those that were looked at." in main_of(answer)
    further = next(link for link in links(answer) if "from=" in link)
    assert "No further message holds this" in main_of(client.get(further))
    everything = next(link for link in links(answer) if "look=all" in link)
    assert hits(client.get(everything)) == [str(first[0])]


@pytest.mark.parametrize("place", ["x", "-1", "1.5", "0"])
def test_a_search_from_what_is_no_message_is_refused_with_a_sentence(client, stored, place):
    stored({"role": "user", "content": "needle"})
    answer = client.get("/search", params={"q": "needle", "from": place})
    assert answer.status_code == 400
    assert "from" in main_of(answer)


def test_archived_sessions_are_searched_unless_the_choice_says_otherwise(
    client, stored, repository
):
    stored({"role": "user", "content": "needle"})
    repository.set_archived("s")
    assert "<mark>" in client.get("/search?q=needle").text
    assert "<mark>" not in client.get("/search?q=needle&archived=no").text


@pytest.mark.parametrize("query", ["", "nothing", '"', "<script>", "\u202e", "%00"])
def test_a_search_without_hits_says_so(client, stored, query):
    stored({"role": "user", "content": "words"})
    answer = client.get("/search", params={"q": query})
    assert answer.status_code == 200
    assert "<mark>" not in answer.text
    assert ("No message holds this" in main_of(answer)) == bool(query)
    assert "<script>" not in answer.text


def test_a_search_that_the_index_cannot_answer_says_what_to_do(client, database, stored):
    from stored import change

    stored({"role": "user", "content": "words"})
    change(database, "UPDATE search_index SET state = 'incomplete'")
    answer = client.get("/search?q=words")
    assert answer.status_code == 503
    assert "<h1>The store does not answer</h1>" in main_of(answer)
    assert "reindex" in main_of(answer)
