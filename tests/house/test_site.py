"""The check of the documentation site: a page that loads something from another host is named."""

import pytest

from tools.site_is_offline import elsewhere


@pytest.mark.parametrize(
    "element",
    [
        '<script src="https://cdn.example/a.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/a.css">',
        '<img src="http://pictures.example/a.png">',
        '<pre class="mermaid">graph LR</pre>',
    ],
)
def test_what_a_browser_would_fetch_from_another_host_is_named(tmp_path, element):
    (tmp_path / "page.html").write_text(f"<html><body>{element}</body></html>")
    [line] = elsewhere(tmp_path)
    assert line.startswith("page.html: ")


def test_a_style_sheet_that_fetches_a_font_is_named(tmp_path):
    (tmp_path / "a.css").write_text("@font-face {src: url(https://fonts.example/a.woff2)}")
    assert [*elsewhere(tmp_path)] == ["a.css: a style sheet or a font"]


def test_links_and_files_of_the_site_itself_are_no_matter(tmp_path):
    (tmp_path / "page.html").write_text(
        '<a href="https://sqlite.org/">SQLite</a><img src="images/a.svg">'
        '<script src="a.js"></script><link rel="canonical" href="https://docs.example/">'
    )
    assert [*elsewhere(tmp_path)] == []
