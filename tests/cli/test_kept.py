"""`usage`, `meta`, `leases`: what the store keeps beside the sessions, at a terminal."""

import json
import time

import pytest

from hermes_store import SessionRepository

RACE = "20260210_091204_3f9ac1"


@pytest.fixture
def used(filled):
    with SessionRepository(filled) as repo:
        repo.record_usage(RACE, model="large", input_tokens=1_200, actual_cost_usd=0.5)
        repo.record_usage(RACE, model="large", output_tokens=34)
        repo.record_usage(RACE, task="title", reasoning_tokens=5, estimated_cost_usd=0.002)
    return filled


class TestUsage:
    def test_it_is_summed_up_by_day_of_local_time(self, run, used, spawn):
        for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
            [day] = json.loads(spawn("usage", "--json", TZ=zone).out)
            shown = spawn("usage", TZ=zone).out.splitlines()
            assert shown[0].split()[:4] == ["DAY", "(local", "time)", "SESSIONS"]
            assert shown[1].split() == [day["group"], "1", "3", "1,200", "34", "0", "0", "5",
                                        "$0.0020", "$0.5000"]  # fmt: skip
        days = {json.loads(spawn("usage", "--json", TZ=zone).out)[0]["group"]
                for zone in ("Pacific/Kiritimati", "Etc/GMT+12")}  # fmt: skip
        assert len(days) == 2  # they are 26 hours apart

    def test_by_something_else(self, run, used):
        assert [
            row["group"] for row in json.loads(run("usage", "--by", "model", "--json").out)
        ] == [
            "large",
            "",
        ]
        assert "(unknown)" in run("usage", "--by", "model").out
        by_task = run("usage", "--by", "task").out
        assert "(conversation)" in by_task
        assert "title" in by_task
        assert run("usage", "--by", "year").code == 2

    def test_tools_have_calls_only(self, run, filled):
        lines = run("usage", "--by", "tool").out.splitlines()
        assert lines[0].split() == ["TOOL", "SESSIONS", "CALLS"]
        assert any(line.startswith("terminal ") for line in lines)

    def test_a_narrow_terminal_keeps_the_costs(self, used, on_a_terminal):
        shown = on_a_terminal("usage", "--by", "model", columns=80)
        assert "ACTUAL" in shown
        assert "REASONING" not in shown
        assert "REASONING" in on_a_terminal("usage", "--by", "model", columns=140)

    def test_nothing_recorded_is_said_and_no_error(self, run, filled):
        code, out, err = run("usage")
        assert (code, out) == (0, "")
        assert (
            err
            == "no usage was recorded; 'hermes-store stats' prints the sums that sessions have\n"
        )
        assert run("usage", "--json").out == "[]\n"


class TestMeta:
    def test_values_are_set_printed_listed_and_deleted(self, run, filled):
        assert run("meta", "set", "gateway.admins", '["ada", "grace"]').err == (
            "gateway.admins is set\n"
        )
        assert run("meta", "set", "greeting", "--text", "Good morning").code == 0
        assert json.loads(run("meta", "set", "none", "null", "--json").out) == {
            "key": "none",
            "value": None,
        }
        assert run("meta", "get", "gateway.admins").out == '["ada", "grace"]\n'
        assert run("meta", "get", "none").out == "null\n"
        assert json.loads(run("meta", "list", "--json").out) == {
            "gateway.admins": ["ada", "grace"],
            "greeting": "Good morning",
            "none": None,
        }
        lines = [line.split(maxsplit=1) for line in run("meta", "list", "g").out.splitlines()]
        assert [(key, value.rstrip()) for key, value in lines] == [
            ("KEY", "VALUE"),
            ("gateway.admins", '["ada", "grace"]'),
            ("greeting", '"Good morning"'),
        ]
        assert run("meta", "delete", "greeting").err == "greeting was deleted\n"
        assert json.loads(run("meta", "delete", "none", "--json").out) == {"key": "none"}
        assert run("meta", "list", "x") == (0, "", "no keys\n")

    @pytest.mark.parametrize("command", ["get", "delete"])
    def test_a_key_that_is_not_there_is_not_found(self, run, filled, command):
        result = run("meta", command, "nothing")
        assert (result.code, result.out) == (3, "")
        assert "there is no key 'nothing'" in result.err

    def test_a_value_that_is_not_json_is_refused_and_says_how_to_store_a_text(self, run, filled):
        result = run("meta", "set", "key", "Good morning")
        assert result.code == 2
        assert "add --text" in result.err
        assert run("meta", "get", "key").code == 3

    def test_each_command_takes_the_shared_options(self, run, filled, tmp_path):
        other = tmp_path / "other.db"
        with SessionRepository(other):
            pass
        assert run("meta", "set", "key", "1", "--db", other).code == 0
        assert run("--db", other, "meta", "get", "key").out == "1\n"
        assert run("meta", "get", "key").code == 3
        assert run("meta", "set", "key", "2", "--db", other, "--read-only").code == 1
        assert run("meta", "get", "key", "--db", other).out == "1\n"

    def test_what_would_steer_the_terminal_is_a_picture(self, run, filled):
        with SessionRepository(filled) as repo:
            repo.meta.set("k\x1b[2J", "v\x1b[2J\u202e")
        assert not {"\x1b", "\u202e"} & set(run("meta", "list").out)


class TestLeases:
    def test_those_that_are_held_are_listed(self, run, filled):
        assert run("leases") == (0, "", "no lease is held\n")
        with SessionRepository(filled) as repo:
            repo.leases.acquire("reminders", "gateway-1", 3600)
            repo.leases.acquire("expired", "gateway-1", 1e-6)
        head, line = run("leases").out.splitlines()
        assert head.split() == ["NAME", "HOLDER", "SINCE", "LEFT"]
        assert line.split()[:2] == ["reminders", "gateway-1"]
        assert line.rstrip().endswith(" 1 h") or " min" in line
        [lease] = json.loads(run("leases", "--json").out)
        assert lease["expires_at"] == pytest.approx(time.time() + lease["seconds_left"], abs=60)

    def test_one_is_freed_by_hand(self, run, filled):
        with SessionRepository(filled) as repo:
            repo.leases.acquire("a", "one", 3600)
            repo.leases.acquire("b", "two", 3600)
            assert run("leases", "--release", "a").err == "a was taken from one\n"
            assert repo.leases.acquire("a", "next", 3600)
            assert json.loads(run("leases", "--release", "b", "--json").out) == {
                "name": "b",
                "holder": "two",
            }
            assert [lease["name"] for lease in repo.leases.held()] == ["a"]

    def test_one_that_nobody_holds_is_not_found(self, run, filled):
        result = run("leases", "--release", "nothing")
        assert (result.code, result.out) == (3, "")
        assert "nobody holds the lease 'nothing'" in result.err
