"""Any combination of words, phrases, beginnings and operators finds what a plain matcher finds.

The matcher knows messages as lists of words, and queries as the trees they are written from.
"""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_store import SessionRepository

LETTERS = ["red", "re", "redder", "green", "C", "X1"]
SYMBOLS = ["C++", "C#", "50%", "#red", "-re"]
CHARACTERS = ["记", "忆", "🚀"]
WORDS = [*LETTERS, *SYMBOLS, *CHARACTERS]
BARE = {word: word.strip("+#%-") for word in WORDS}


# --- the matcher ----------------------------------------------------------------------------------


def is_word(typed, stored):
    """Symbols that were typed must be there; those that were not may be."""
    return stored.lower() == typed.lower() or BARE[stored].lower() == typed.lower()


def begins(typed, stored):
    return BARE[stored].lower().startswith(typed.lower())


def holds(message, query):
    kind, *operands = query
    if kind == "phrase":
        return holds_phrase(message, *operands)
    if kind == "NOT":
        return holds(message, operands[0]) and not holds(message, operands[1])
    return {"AND": all, "OR": any}[kind](holds(message, each) for each in operands)


def holds_phrase(message, words, prefix):
    *others, last = words
    return any(
        all(map(is_word, others, message[at:]))
        and (begins if prefix else is_word)(last, message[at + len(others)])
        for at in range(len(message) - len(others))
    )


# --- messages and queries ---------------------------------------------------------------------------

MESSAGES = [Random(n).choices(WORDS, k=Random(n).randint(1, 6)) for n in range(60)]


def text(words, number):
    """A message of these words: Chinese and emoji stand without blanks now and then."""
    joined = " ".join(words)
    if number % 2:
        for character in CHARACTERS:
            joined = joined.replace(f" {character}", character)
    return joined


PHRASES = st.tuples(
    st.just("phrase"), st.lists(st.sampled_from(WORDS), min_size=1, max_size=3), st.booleans()
).map(lambda phrase: (phrase[0], phrase[1], phrase[2] and phrase[1][-1] not in SYMBOLS))
QUERIES = st.recursive(
    PHRASES,
    lambda inner: st.tuples(st.sampled_from(["AND", "OR", "NOT"]), inner, inner),
    max_leaves=6,
)


def typed(query, implicit):
    """The query as somebody would type it; `AND` may be left out."""
    kind, *operands = query
    if kind == "phrase":
        words, prefix = operands
        quoted = " ".join(words) if len(words) == 1 and implicit else f'"{" ".join(words)}"'
        return f"{quoted}{'*' if prefix else ''}"
    operator = " " if kind == "AND" and implicit else f" {kind} "
    return operator.join(f"({typed(each, implicit)})" for each in operands)


@pytest.fixture(scope="module")
def stored(shared_database):
    with SessionRepository(shared_database) as repository:
        repository.create_session("s", "cli")
        messages = [{"role": "user", "content": text(m, n)} for n, m in enumerate(MESSAGES)]
        yield repository, repository.append_messages("s", messages)


@settings(derandomize=True, database=None, max_examples=200)
@given(query=QUERIES, implicit=st.booleans(), sort=st.sampled_from(["relevance", "newest"]))
def test_search_finds_what_the_matcher_finds(stored, query, implicit, sort):
    repository, ids = stored
    hits = repository.search_messages(typed(query, implicit), limit=None, sort=sort)
    found = sorted(ids.index(hit["id"]) for hit in hits)
    assert found == [n for n, message in enumerate(MESSAGES) if holds(message, query)]
