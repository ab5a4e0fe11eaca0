"""The tables of what a word is: FTS5's `unicode61` tokenizer with the options of `ddl.TABLE`.

They do not change with Python's Unicode version. A test compares all code points.
"""

from __future__ import annotations

__all__ = ["ACCENTS", "APART", "SEPARATORS", "SYMBOLS", "ranges"]

APART = "ก-ᇿក-៿⌀-⓿■-𳑹"
"""Ranges of characters that each are a word: scripts written without blanks (Thai, Lao, Tibetan,
Burmese, Khmer, Chinese, Japanese, Korean) and symbols such as emoji. Of other scripts in these
ranges a word becomes a phrase of its letters, which finds the same messages."""


def ranges(text: str) -> list[tuple[int, int]]:
    """Hexadecimal code points, alone or as first-last."""
    pairs = (part.partition("-") for part in text.split())
    return [(int(first, 16), int(last or first, 16)) for first, _, last in pairs]


def _characters(hexadecimal: str) -> str:
    return "".join(chr(code) for a, z in ranges(hexadecimal) for code in range(a, z + 1))


def _regex_class(hexadecimal: str) -> str:
    """What stands between the brackets of a character class of `re`."""
    return "".join(rf"\U{a:08x}-\U{z:08x}" for a, z in ranges(hexadecimal))


SYMBOLS = "\n".join(
    _characters(kind)
    for kind in (
        "a6 a9 ae b0 20ba-20c0",
        "2100-2101 2103-2106 2108-2109 2114 2116-2117 211e-2123 214f",
        "2195-2199 219c-219f 21a1-21a2 21a4-21a5 21a7-21ad 21af-21cd 21d0-21d1 21d3 21d5-21f3",
        "2500-253f",
        "2540-257f",
        "2580-259f",
    )
)
"""Symbols that do not belong to the word they touch: ©, °, ™, currencies, arrows, the lines and
blocks that tables are drawn with. (FTS5 takes no other symbol for a part of a word.)"""

# What stands between words: as FTS5 knows it, SYMBOLS, and the selector that the index leaves out.
# A test compares all code points.
_BETWEEN_WORDS = """
0-2f 3a-40 5b-60 7b-a9 ab-b1 b4 b6-b8 bb bf d7 f7 2c2-2c5 2d2-2df 2e5-2eb 2ed 2ef-2ff 375
37e 384-385 387 3f6 488-489 55a-55f 589-58a 58f 5be 5c0 5c3 5c6 5f3-5f4 600-604 606-60d 61b
61e-61f 66a-66d 6d4 6dd 700-70d 70f 7f7-7f9 830-83e 85e 964-965 970 9f2-9f3 9fb af0-af1 bf9
df4 e3f e4f e5a-e5b f04-f12 f14 f3a-f3d f85 fd0-fd4 fd9-fda 104a-104f 10fb 1360-1368 1400
166d-166e 1680 169b-169c 16eb-16ed 1735-1736 17d4-17d6 17d8-17db 1800-180a 180e 1944-1945
1a1e-1a1f 1aa0-1aa6 1aa8-1aad 1b5a-1b60 1bfc-1bff 1c3b-1c3f 1c7e-1c7f 1cc0-1cc7 1cd3 1fbd
1fbf-1fc1 1fcd-1fcf 1fdd-1fdf 1fed-1fef 1ffd-1ffe 2000-2064 206a-206f 207a-207e 208a-208e
20a0-20c0 20dd-20e0 20e2-20e4 2100-2101 2103-2106 2108-2109 2114 2116-2118 211e-2123
2140-2144 214b 214f 2190-22ff 2308-230b 2320-2321 2329-232a 237c 239b-23b3 23dc-23e1
2500-259f 25b7 25c1 25f8-25ff 266f 2768-2775 27c0-27ff 2900-2aff 2b30-2b44 2b47-2b4c
2cf9-2cfc 2cfe-2cff 2d70 2e00-2e2e 2e30-2e3b 3000-3003 3008-3011 3014-301f 3030 303d
309b-309c 30a0 30fb a4fe-a4ff a60d-a60f a670-a673 a67e a6f2-a6f7 a700-a716 a720-a721
a789-a78a a838 a874-a877 a8ce-a8cf a8f8-a8fa a92e-a92f a95f a9c1-a9cd a9de-a9df aa5c-aa5f
aade-aadf aaf0-aaf1 abeb d800-dfff fb29 fbb2-fbc1 fd3e-fd3f fdfc fe0f fe10-fe19 fe30-fe52
fe54-fe66 fe68-fe6b feff ff01-ff0f ff1a-ff20 ff3b-ff40 ff5b-ff65 ffe0-ffe3 ffe5-ffe6
ffe9-ffec fff9-fffb 10100-10102 1039f 103d0 10857 1091f 1093f 10a50-10a58 10a7f 10b39-10b3f
11047-1104d 110bb-110c1 11140-11143 111c5-111c8 12470-12473 1d173-1d17a 1d6c1 1d6db 1d6fb
1d715 1d735 1d74f 1d76f 1d789 1d7a9 1d7c3 1eef0-1eef1 e0001 e0020-e007f
"""

# Combining accents: FTS5 leaves them out of the word they stand in.
_ACCENTS = "300-304 306-30c 30f 311 31b 323-328 32d-32e 330-331"


SEPARATORS = _regex_class(_BETWEEN_WORDS)
ACCENTS = _regex_class(_ACCENTS)
