"""Other forms of words: the fast search for them finds what a slow one finds."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_store.search.forms import forms, seams_of

HUMP, LAST_CAPITAL = "[a-z][A-Z]", "[A-Z](?=[A-Z][a-z][a-z])"
VERSION = r"(?=(\d+(?:\.\d+)+(?:-\w{1,20}(?:\.\d+)*)?))"


def parts(word: str) -> list[str]:
    return re.findall(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+", word)


def slowly(text: str) -> list[str]:
    """Parts of words with a hump, then with capitals before small letters, then versions."""
    found = [
        " ".join(parts(word))
        for seam in (HUMP, LAST_CAPITAL)
        for word in re.findall("[A-Za-z0-9]+", text)
        if re.search(seam, word) and 2 * len(parts(word)) <= len(word) and not word[0].isdecimal()
    ]
    for letter in ("[a-z]", "[A-Z]"):
        found += re.findall(f"(?<={letter}){VERSION}", text, re.ASCII)
    return found


@given(st.text("abcTUV12.v- ", max_size=60))
def test_forms_are_those_that_are_found_letter_by_letter(text: str) -> None:
    assert forms(text, *seams_of(text)) == slowly(text)


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("HTTPServer", ["HTTP Server"]),
        ("aTT12ab, aTT12cd", ["a TT12 ab", "a TT12 cd"]),
        ("x12ab 20th TT12", []),
        ("at 2026-04-28T23:10", ["2026-04-28 23:10"]),
        ("at 2026-04-28T23:10:05.250Z", ["2026-04-28 23:10:05.250"]),
        ("ts=2026-04-28T23:10 x", ["ts=2026-04-28 23:10"]),
        (r"C:\AppData\myFile", ["App Data", "my File"]),
        (r"C:\nodeModules\nREADMEFile", ["ode Modules", "node Modules", *["README File"] * 2]),
        ("V2.0 after v1.22.19", ["1.22.19", "2.0"]),
        (r"'C:\users' '\u00e9t\u00e9' '\u00zz'", ["été"]),
    ],
)
def test_signs_that_are_none_add_no_form(text: str, others: list[str]) -> None:
    assert forms(text, *seams_of(text)) == others
