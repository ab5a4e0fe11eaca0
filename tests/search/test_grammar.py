"""The tree of what was typed. What it finds is in `recall.tsv`."""

import pytest

from hermes_store.errors import InvalidArgumentError
from hermes_store.search.query import DEEPEST, And, Not, Or, Phrase, parse, phrases


def written(tree):
    """A tree as a line: phrases in brackets, a group for every node."""
    if tree is None:
        return "nothing"
    if isinstance(tree, Phrase):
        return f"[{tree.text}]{'*' if tree.prefix else ''}"
    if isinstance(tree, Not):
        return f"({written(tree.wanted)} NOT {written(tree.unwanted)})"
    operator = {And: " AND ", Or: " OR "}[type(tree)]
    return f"({operator.join(map(written, tree.operands))})"


@pytest.mark.parametrize(
    ("typed", "tree"),
    [
        # words and phrases
        ("word", "[word]"),
        ("two words", "([two] AND [words])"),
        (" \t two\nwords\u3000", "([two] AND [words])"),
        ('"two words"', "[two words]"),
        ("“two words”", "[two words]"),
        ('a "b c" d', "([a] AND [b c] AND [d])"),
        ('a"b c"d', "([a] AND [b c] AND [d])"),
        ("again and again", "([again] AND [and])"),
        # prefixes
        ("begin*", "[begin]*"),
        ("begin***", "[begin]*"),
        ('"two words"*', "[two words]*"),
        ('"two wor*"', "[two wor*]"),
        ("a*b", "[a*b]"),
        ("int**", "[int]*"),
        ("c+*", "[c+*]"),
        ("*", "nothing"),
        # operators between operands
        ("a AND b", "([a] AND [b])"),
        ("a OR b", "([a] OR [b])"),
        ("a NOT b", "([a] NOT [b])"),
        ("a AND NOT b", "([a] NOT [b])"),
        ("a OR b OR c", "([a] OR [b] OR [c])"),
        ("a b OR c d", "(([a] AND [b]) OR ([c] AND [d]))"),
        ("a AND b OR c", "(([a] AND [b]) OR [c])"),
        ("a NOT b OR c", "(([a] NOT [b]) OR [c])"),
        ("a NOT b NOT c", "([a] NOT ([b] OR [c]))"),
        ("a NOT b c", "(([a] AND [c]) NOT [b])"),
        ("a (b OR c)", "([a] AND ([b] OR [c]))"),
        ("a NOT (b OR c)", "([a] NOT ([b] OR [c]))"),
        ("a NOT (b c)", "([a] NOT ([b] AND [c]))"),
        ("((a) (b))", "([a] AND [b])"),
        ("a OR a", "[a]"),
        # operators that are words
        ("AND", "[AND]"),
        ("a and b", "([a] AND [and] AND [b])"),
        ("a Or b", "([a] AND [Or] AND [b])"),
        ("OR a", "([OR] AND [a])"),
        ("a OR", "([a] AND [OR])"),
        ("NOT a", "([NOT] AND [a])"),
        ("a OR OR b", "([a] AND [OR] AND [b])"),
        ("a NOT AND b", "([a] AND [NOT] AND [AND] AND [b])"),
        ("(OR) a", "([OR] AND [a])"),
        ("a OR (", "([a] AND [OR])"),
        ("a OR ?", "([a] AND [OR])"),
        ('"OR" a', "([OR] AND [a])"),
        ("ANDROID OR ORACLE", "([ANDROID] OR [ORACLE])"),
        # text
        ("foo -bar", "([foo] AND [-bar])"),
        ("+foo", "[+foo]"),
        ("content:x", "[content:x]"),
        ("NEAR(a b, 2)", "([NEAR(a] AND [b,] AND [2])"),
        ("f(x)", "[f(x)]"),
        ("f(g(x))", "[f(g(x))]"),
        ("f()", "[f()]"),
        ("(f(x))", "[f(x)]"),
        ("don't", "[don't]"),
        ("C++", "[C++]"),
        # without a partner
        ('a "b c', "([a] AND [b] AND [c])"),
        ('"', "nothing"),
        ("(a", "[a]"),
        ("a)", "[a]"),
        (")a (", "[a]"),
        ("a ) b (", "([a] AND [b])"),
        ("(a (b)", "([a] AND [b])"),
        # nothing to look for
        ("", "nothing"),
        (" \n", "nothing"),
        ("()", "nothing"),
        ("?! ... -- '", "nothing"),
        ('"" "?"', "nothing"),
        ("a ()", "[a]"),
        ('a NOT "?"', "([a] AND [NOT])"),
        ("\ud800 \0", "nothing"),
    ],
)
def test_what_is_typed_becomes_this_tree(typed, tree):
    assert written(parse(typed)) == tree


def test_groups_nest_so_deep_and_parentheses_further_in_are_punctuation():
    def nested(depth):
        return "(" * (depth - 1) + "(b OR c) d" + ")" * (depth - 1)

    assert written(parse(nested(1))) == "(([b] OR [c]) AND [d])"
    assert written(parse(nested(DEEPEST))) == "(([b] OR [c]) AND [d])"
    assert written(parse(nested(DEEPEST + 1))) == "([b] OR ([c] AND [d]))"
    assert parse("(" * 100_000 + "a" + ")" * 100_000) == Phrase("a")


@pytest.mark.parametrize("typed", [None, 5, b"bytes", ["a"]])
def test_only_text_is_a_query(typed):
    with pytest.raises(InvalidArgumentError, match="query"):
        parse(typed)


def test_the_phrases_that_can_be_shown_are_all_but_those_after_not():
    tree = parse('a "b c" OR d* NOT (e OR f)')
    assert [phrase.text for phrase in phrases(tree)] == ["a", "b c", "d"]
