"""What people type finds what is stored: the pairs of `recall.tsv`, which explains itself."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from hermes_store import SessionRepository
from hermes_store.search.budget import Budget
from hermes_store.search.choice import search_of, upkeep_of
from hermes_store.search.loosened import loosened
from hermes_store.search.query import parse
from hermes_store.search.texts import of_content
from hermes_store.values import ALL

CHARACTER = re.compile(r"\{U\+([0-9A-F]{4,6})\}")


class Pair(NamedTuple):
    line: int
    is_found: bool
    stored: str
    typed: str


def sections():
    """The pairs under each heading of the file."""
    lines = Path(__file__).with_name("recall.tsv").read_text(encoding="utf-8").splitlines()
    found, pairs = {}, []
    for number, line in enumerate(lines, 1):
        if heading := re.fullmatch(r"# --- (.+?) -+", line):
            pairs = found.setdefault(heading[1], [])
        elif line and not line.startswith("#"):
            verdict, *texts = line.split("\t")
            stored, typed = (CHARACTER.sub(lambda c: chr(int(c[1], 16)), text) for text in texts)
            pairs.append(Pair(number, {"found": True, "not": False}[verdict], stored, typed))
    return found


SECTIONS = sections()


@pytest.fixture(scope="module")
def stored(shared_database):
    """A store with the messages of all pairs, and the id of each."""
    texts = list(dict.fromkeys(pair.stored for pairs in SECTIONS.values() for pair in pairs))
    with SessionRepository(shared_database) as repository:
        repository.create_session("s", "cli")
        messages = [{"role": "user", "content": text} for text in texts]
        yield repository, dict(zip(texts, repository.append_messages("s", messages), strict=True))


@pytest.mark.parametrize("section", SECTIONS)
def test_what_is_typed_finds_what_is_stored_and_nothing_else(stored, section):
    repository, ids = stored
    wrong = []
    for pair in SECTIONS[section]:
        found = {hit["id"] for hit in repository.search_messages(pair.typed, limit=None)}
        if (ids[pair.stored] in found) is not pair.is_found:
            wrong.append(f"line {pair.line}: {pair.typed!r} in {pair.stored!r}")
    assert wrong == []


@pytest.mark.parametrize("section", SECTIONS)
def test_the_snippet_of_every_hit_shows_what_was_typed(stored, section):
    repository, ids = stored
    texts = {id_: text for text, id_ in ids.items()}
    for pair in SECTIONS[section]:
        for hit in repository.search_messages(pair.typed, limit=None):
            assert ">>>" in hit["snippet"], pair
            shown = hit["snippet"].replace(">>>", "").replace("<<<", "")
            text = of_content(texts[hit["id"]], None)
            assert shown == text or shown.removeprefix("...").removesuffix("...") in text
            assert hit["matched_in"] == "content"


@pytest.mark.parametrize("section", SECTIONS)
def test_the_words_of_a_query_find_all_that_the_query_finds(stored, section):
    repository, ids = stored
    for pair in SECTIONS[section]:
        if pair.is_found:
            assert ids[pair.stored] in repository._store.read(with_loosened, pair.typed), pair


def with_loosened(connection, typed):
    """The messages with the words of a query: those that a bounded search looks at."""
    words = loosened(parse(typed))
    upkeep_of(connection.backend).require_ready(connection)
    find = search_of(connection.backend).find
    return find(connection, words, "newest", {}, Budget(), chosen=None, limit=ALL, offset=0)


def test_the_file_says_found_or_not_of_some_hundred_pairs():
    verdicts = [pair.is_found for pairs in SECTIONS.values() for pair in pairs]
    assert verdicts.count(True) > 300
    assert verdicts.count(False) > 100
