"""Lines are broken to the terminal's width and lose nothing."""

from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from hermes_store.cli.wrapping import cut, wrapped

LINE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=80)


def test_a_line_is_broken_at_blanks_and_a_long_word_where_it_must():
    assert list(wrapped("one two three", 8)) == ["one two", "three"]
    assert list(wrapped("x" * 10, 4)) == ["xxxx", "xxxx", "xx"]
    assert list(wrapped("记忆与会话", 4)) == ["记忆", "与会", "话"]
    assert list(wrapped("", 4)) == [""]
    assert list(wrapped("a\tb", 80)) == ["a       b"]


@example("0䷀", 2)  # wide since Unicode 16
@given(LINE, st.integers(2, 30))
def test_no_piece_is_wider_than_the_terminal_and_nothing_is_lost(line, width):
    pieces = list(wrapped(line, width))
    assert max(map(cell_len, pieces)) <= width
    assert "".join(pieces).replace(" ", "") == line.replace(" ", "")


@given(LINE, st.integers(2, 30))
def test_what_is_cut_fits_and_says_so(line, width):
    shown = cut(line, width)
    assert cell_len(shown) <= width
    assert shown == line or shown.endswith("…")
