"""`/search`: hits by session, highlighted, with their neighbours."""

import pytest
from web.conftest import links, main_of


def test_hits_are_grouped_by_session_and_lead_into_it(client, stored):
    first = stored(
        {"role": "user", "content": "needle one"},
        {"role": "user", "content": "needle two"},
        session_id="a",
    )
    second = stored({"role": "user", "content": "needle three"}, session_id="b")
    answer = client.get("/search?q=needle&sort=oldest")
    said = main_of(answer)
    assert said.count('<section class="hits">') == 2
    assert said.count("<mark>needle</mark>") == 3
    expected = [f"/s/a?m={each}#m{each}" for each in first] + [f"/s/b?m={second[0]}#m{second[0]}"]
    assert [link for link in links(answer) if "#m" in link] == expected


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
        page = next((link for link in links(answer) if "offset=" in link), "")
    assert found == 30


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
