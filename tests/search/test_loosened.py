"""Which words of a query find the messages that a page looks at."""

import pytest

from hermes_store.search.loosened import has_many_words, loosened
from hermes_store.search.query import parse

LONGEST = {
    "a bb ccc dddd": "bb ccc dddd",
    '"a bb ccc dddd"': "bb ccc dddd",
    'a "bb ccc" dddd': "bb ccc dddd",
    "abc* bb ccc d": "bb ccc d",
    "(aaaaaa OR b) cc ddd eeee": "cc ddd eeee",
    "(a bb ccc dddd) OR e": "(bb ccc dddd) OR e",
    "a bb ccc dddd NOT eeeee": "bb ccc dddd",
}
MANY = {
    "a b c": False,
    "a b c d": True,
    '"a b c d"': True,
    'a b "c d"': True,
    "x (a OR b) c d": True,
    'x ("a b c d" OR e)': True,
    "(a b c d) OR e": True,
    "a OR b OR c OR d": False,
    "(a b c d) NOT e": True,
    "a NOT (b c d e)": False,
}


@pytest.mark.parametrize("typed", LONGEST)
def test_of_words_that_must_be_there_together_the_three_longest_are_asked_for(typed):
    assert loosened(parse(typed)) == parse(LONGEST[typed])


@pytest.mark.parametrize("typed", MANY)
def test_more_than_three_words_together_are_many(typed):
    assert has_many_words(parse(typed)) == MANY[typed]
