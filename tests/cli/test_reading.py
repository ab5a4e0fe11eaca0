"""`list`, `show`, `search`, `stats`: what a person sees, and what a machine gets."""

import json
import re

import pytest
from rich.cells import cell_len

from hermes_store import SessionRepository

RACE = "20260210_091204_3f9ac1"


def test_list_shows_titles_sources_counts_and_dates(run, filled):
    result = run("list")
    assert result.code == 0
    row = next(line for line in result.out.splitlines() if RACE in line)
    assert all(part in row for part in ("Token refresh race", "cli", "19", "2026-02-10 09:15"))
    assert result.out.index("Cleaning up") < result.out.index("记忆与会话存储")


def test_a_session_without_a_title_is_listed_with_what_was_asked_first(run, filled):
    assert "Run the nightly backup" in run("list").out


def test_list_can_be_filtered_ordered_and_paged(run, filled):
    def ids(*arguments):
        return [s["id"] for s in json.loads(run("--json", "list", *arguments).out)]

    assert len(ids()) == 12
    assert len(ids("--source", "cli")) == 6
    assert len(ids("--exclude-source", "cli", "--exclude-source", "cron")) == 5
    assert ids("--by-start", "-n", "2", "--offset", "1") == ids("--by-start")[1:3]
    parent, child = "20260309_081144_d91b70", "20260309_081206_4be2c7"  # which ended first
    assert ids().index(parent) < ids().index(child)
    assert ids("--by-start").index(child) < ids("--by-start").index(parent)


def test_a_page_of_the_list_says_of_how_many(run, filled):
    assert run("list", "-n", "3").err == "1–3 of 12 sessions; --offset 3 goes on\n"
    last = run("list", "--exclude-source", "cli", "-n", "5", "--offset", "3")
    assert last.err == "4–6 of 6 sessions\n"
    assert run("list", "--offset", "50").err == "no sessions after the first 50; there are 12\n"
    assert run("list").err == ""


def test_nothing_to_list_is_said_and_no_error(run, filled):
    run("delete", "--yes", *(s["id"] for s in json.loads(run("--json", "list").out)))
    result = run("list")
    assert (result.code, result.out) == (0, "")
    assert "no sessions" in result.err
    assert run("--json", "list", "--source", "cli").out == "[]\n"


def test_json_of_the_list_leaves_the_system_prompt_out(run, filled):
    session = json.loads(run("list", "--json").out)[0]
    assert {"id", "title", "preview", "last_active", "model_config"} <= session.keys()
    assert "system_prompt" not in session


@pytest.mark.parametrize("name", [RACE, "20260210_09", "记忆与会话存储"])
def test_a_session_is_named_by_its_id_a_beginning_of_it_or_its_title(run, filled, name):
    assert run("show", name).code == 0


def test_a_title_that_was_continued_means_the_newest(run, filled):
    assert json.loads(run("--json", "show", "Token refresh race").out)["title"].endswith("#2")


@pytest.mark.parametrize("name", ["nothing", "%"])
def test_a_name_of_no_session_is_not_found(run, filled, name):
    result = run("show", name)
    assert (result.code, result.out) == (3, "")
    assert result.err.startswith("error: no session")


def test_show_prints_the_conversation(run, filled):
    shown = run("show", RACE).out
    assert shown.startswith("Token refresh race\n")
    assert "ended after" in shown
    assert "── user · 2026-02-10 09:12" in shown
    assert "── tool read_file · " in shown
    assert '→ read_file path="foo/bar.py" offset=20 limit=45' in shown
    assert "… 12 more lines, --full prints them" in shown


def test_show_can_print_all_or_only_the_end(run, filled):
    full = run("show", RACE, "--full", "--reasoning", "--system").out
    assert "more lines" not in full
    assert "Classic check-then-act" in full
    assert "You are Hermes, a coding agent" in full
    tail = run("show", RACE, "--tail", "2").out
    assert tail.count("── ") == 2


def test_show_names_the_parts_of_a_message_that_are_no_text(run, filled):
    shown = run("show", "Whiteboard: offline sync").out
    assert "Photo from today's meeting" in shown
    assert "[image_url]" in shown
    assert "base64" not in shown


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("don't", RACE),
        ("foo/bar.py:42", RACE),
        ("user@example.com", "20260224_183300_5c8b19"),
        ("C#", "20260216_154510_71cf0b"),
        ("50%", "20260216_154510_71cf0b"),
        ("v1.2.3", "20260220_021530_e2a6d4"),
        ("记忆", "20260212_130722_9d41e8"),
        ("再取得", "20260220_021530_e2a6d4"),
        ("토큰이", "20260220_021530_e2a6d4"),
        ("naive café", "20260304_171902_aa03f6"),
        ("Düsseldorf", "20260304_171902_aa03f6"),
        ('"tombstones, kept 30 days"', "20260304_171902_aa03f6"),
        ("reset --soft HEAD~1", "20251103_190211_c4d2ef70"),
    ],
)
def test_search_finds_what_people_type(run, filled, query, expected):
    hits = json.loads(run("--json", "search", "-n", "50", query).out)
    assert expected in {hit["session_id"] for hit in hits}


def test_words_after_two_hyphens_are_one_query_also_when_they_look_like_options(run, filled):
    hits = json.loads(run("--json", "search", "--", "rm", "-rf").out)
    assert "20260312_112005_0e77ba" in {hit["session_id"] for hit in hits}
    assert json.loads(run("search", "rm", "--json", "--", "-rf").out) == hits
    assert run("search", "--", "--force").code == 0


def test_a_hit_shows_where_it_is_with_its_words_marked(run, filled):
    result = run("search", "barrier", "--session", RACE, "--role", "assistant", "-n", "1")
    assert RACE in result.out
    assert "Token refresh race" in result.out
    assert ">>>barrier<<<" in result.out
    assert "\ue000" not in result.out


def test_search_can_show_the_messages_around_a_hit(run, filled):
    plain = run("search", "tombstones", "crossed")
    around = run("search", "tombstones", "crossed", "--context")
    assert "Who took the action items" not in plain.out
    assert "user: Right, that's it. Who took the action items?" in around.out


def test_search_can_be_filtered_by_place_and_time(run, filled):
    def sessions(*arguments):
        hits = json.loads(run("--json", "search", "-n", "99", *arguments).out)
        return {hit["session_id"] for hit in hits}

    everywhere = sessions("docker", "OR", "token*")
    assert len(everywhere) > 2
    assert sessions("docker", "OR", "token*", "--source", "slack") == {"20260312_112005_0e77ba"}
    assert RACE not in sessions("token*", "--exclude-session", RACE)
    assert sessions("docker", "OR", "token*", "--since", "2026-03-01") == {"20260312_112005_0e77ba"}
    assert "20260312_112005_0e77ba" not in sessions("docker", "--until", "2026-03-12")


def test_newest_first_and_oldest_first(run, filled):
    def ids(order):
        hits = json.loads(run("--json", "search", "the", "--sort", order).out)
        return [hit["id"] for hit in hits]

    assert ids("newest") == sorted(ids("newest"), reverse=True)
    assert ids("oldest") == sorted(ids("oldest"))


def test_nothing_found_is_said_and_no_error(run, filled):
    result = run("search", "zzzunheard")
    assert (result.code, result.out) == (0, "")
    assert "no message found" in result.err
    assert run("--json", "search", "zzzunheard").out == "[]\n"


def test_stats_says_size_counts_and_usage(run, filled):
    result = run("stats")
    assert result.code == 0
    assert str(filled) in result.out
    assert "12" in result.out
    assert "141" in result.out
    stats = json.loads(run("stats", "--json").out)
    assert (stats["sessions"], stats["messages"]) == (12, 141)


def test_on_a_terminal_hits_are_bold(on_a_terminal, filled):
    shown = on_a_terminal("search", "barrier", "-n", "1", columns=70)
    assert "\x1b[1;33mbarrier\x1b[0m" in shown
    assert ">>>" not in shown


def test_on_a_terminal_a_hit_has_its_place_in_one_line(on_a_terminal, filled):
    shown = re.sub(r"\x1b\[[0-9;]*m", "", on_a_terminal("search", "barrier", "-n", "1", columns=50))
    first, *snippet = shown.splitlines()
    assert first.startswith(RACE)
    assert first.rstrip().endswith("…")
    assert "a barrier makes every thread" in " ".join(" ".join(snippet).split())


@pytest.mark.parametrize(
    ("columns", "headings"),
    [
        (40, ["ID", "TITLE"]),
        (80, ["ID", "TITLE", "SOURCE", "MSGS", "LAST ACTIVE"]),
        (120, ["ID", "TITLE", "SOURCE", "MODEL", "MSGS", "LAST ACTIVE"]),
    ],
)
def test_in_a_table_that_is_too_wide_only_the_title_is_cut(
    on_a_terminal, filled, columns, headings
):
    listed = re.sub(r"\x1b\[[0-9;]*m", "", on_a_terminal("list", columns=columns))
    lines = [line.rstrip("\r") for line in listed.splitlines()[:-1]]
    assert {cell_len(line) for line in lines} == {columns}
    assert re.split(r"\s{2,}", lines[0].strip()) == headings
    delegated = next(line for line in lines if line.startswith("20260309_081206_4be2c7  "))
    assert delegated.count("…") == 1
    assert re.search(r"  Measure [^…]*…", delegated)


def test_a_table_that_fits_is_as_wide_as_it_needs_to_be(on_a_terminal, filled):
    listed = re.sub(r"\x1b\[[0-9;]*m", "", on_a_terminal("list", columns=300))
    assert max(cell_len(line) for line in listed.splitlines()) < 200
    assert "…" not in listed


def test_in_a_pipe_nothing_is_cut(run, filled):
    with SessionRepository(filled) as repo:
        repo.create_session("x" * 300, "y" * 100, model="z" * 100)
    assert re.search("^x{300}  +y{100}  z{100} ", run("list").out, re.MULTILINE)


def test_no_colour_is_used_when_the_environment_says_so(on_a_terminal, filled):
    shown = on_a_terminal("list", columns=70, NO_COLOR="1")
    assert "\x1b[3" not in shown
