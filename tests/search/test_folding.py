"""Which characters count as the same, and that a text keeps its places when they are made so."""

from __future__ import annotations

import sys

import pytest

from hermes_store.search import characters
from hermes_store.search.characters import fold

SURROGATES = range(0xD800, 0xE000)
EVERY_CHARACTER = [chr(code) for code in range(sys.maxunicode + 1) if code not in SURROGATES]


def test_every_character_is_folded_in_a_text_as_it_is_alone():
    alone = [characters._folded(character) for character in EVERY_CHARACTER]
    assert fold("".join(EVERY_CHARACTER)) == "".join(alone)


def test_what_is_folded_does_not_change_when_it_is_folded_again():
    folded = fold("".join(EVERY_CHARACTER))
    assert fold(folded) == folded


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Größe", "GRÖßE"),
        ("İstanbul", "istanbul"),
        ("ΟΔΟΣ", "οδος"),
        ("ΟΔΟΣ", "οδοσ"),
        ("10 µm", "10 μm"),
        ("Résumé", "resume"),
        ("ПРИВЕТ", "привет"),
        ("Fuß", "fuß"),
    ],
)
def test_texts_that_count_as_the_same(text, same):
    assert fold(text) == fold(same)
    assert len(fold(text)) == len(text)
