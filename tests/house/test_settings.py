"""Settings: one list of fields, with the check of each and the databases that take it."""

import re
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from hermes_store import SessionRepository, Settings
from hermes_store.errors import InvalidArgumentError
from hermes_store.settings import (
    POSTGRESQL,
    SQLITE,
    MoreSettings,
    Number,
    SettingsKeywords,
    make_settings,
    taken_by,
)

NAMES = [each.name for each in fields(Settings)]
BY_POSITION = ["pool_size", "batch_size", "batch_wait_ms", "enable_batching"]
NUMBERS = [
    (each.name, check)
    for each in fields(Settings)
    for check in get_args(each.type)
    if isinstance(check, Number)
]


def test_the_typed_keywords_are_the_fields_with_their_types_or_none():
    declared = get_type_hints(Settings)
    assert get_type_hints(SettingsKeywords) == {name: declared[name] | None for name in NAMES}


def test_keywords_that_stand_in_the_signature_are_not_declared_twice():
    assert set(NAMES) - get_type_hints(MoreSettings).keys() == set(BY_POSITION)


def test_no_keyword_is_required():
    assert SettingsKeywords.__required_keys__ == frozenset()


def test_every_default_passes_its_own_check():
    default = Settings()
    assert make_settings(**{name: getattr(default, name) for name in NAMES}) == default


def test_the_defaults_are_those_of_the_documentation():
    page = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
    documented = re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", page.read_text(), re.MULTILINE)
    default = Settings()
    assert documented == [(name, repr(getattr(default, name))) for name in NAMES]


def test_none_means_the_default():
    assert make_settings(**dict.fromkeys(NAMES)) == Settings()


@pytest.mark.parametrize(("name", "check"), NUMBERS)
def test_a_number_is_taken_up_to_its_bounds_and_refused_beyond(name, check):
    for value in (check.smallest, check.greatest):
        assert getattr(make_settings(**{name: check.kept_as(value)}), name) == value
    for value in (check.smallest - 1, check.greatest + 1, "5", True, float("nan")):
        with pytest.raises(InvalidArgumentError, match=f"^{name}: .*; give a .*number from "):
            make_settings(**{name: value})


def test_a_level_of_durability_may_be_written_in_small_letters():
    assert make_settings(synchronous="full").synchronous == "FULL"
    with pytest.raises(InvalidArgumentError, match="use NORMAL or FULL or EXTRA"):
        make_settings(synchronous="OFF")


@pytest.mark.parametrize("name", ["enable_batching", "auto_migrate"])
def test_a_flag_is_true_or_false(name):
    with pytest.raises(InvalidArgumentError, match=f"^{name}: 1 is not a bool"):
        make_settings(**{name: 1})


def test_the_databases_share_most_settings_and_each_takes_some_alone():
    only_sqlite = {*taken_by(SQLITE)} - {*taken_by(POSTGRESQL)}
    assert only_sqlite == {
        "synchronous", "busy_timeout", "mmap_size", "cache_size", "journal_size_limit",
        "wal_autocheckpoint", "sqlite",
    }  # fmt: skip
    only_postgresql = {*taken_by(POSTGRESQL)} - {*taken_by(SQLITE)}
    assert only_postgresql == {"write_pool_size", "statement_timeout", "read_url"}
    assert {*taken_by(SQLITE), *taken_by(POSTGRESQL)} == set(NAMES)


def test_a_setting_that_only_the_other_database_takes_changes_nothing(database, tmp_path):
    settings = {"busy_timeout": 100, "mmap_size": 0, "statement_timeout": 5, "write_pool_size": 3}
    with SessionRepository(database, **settings) as repo:
        assert repo.session_count() == 0


@pytest.mark.parametrize("value", [3, None])
@pytest.mark.parametrize(
    ("wrong", "right"),
    [("pool_sise", "pool_size"), ("BatchSize", "batch_size"), ("locktimeout", "lock_timeout")],
)
def test_the_error_of_an_unknown_setting_suggests_the_nearest_name(tmp_path, wrong, right, value):
    expected = re.escape(f"{wrong}: is not a setting; did you mean {right}?")
    with pytest.raises(InvalidArgumentError, match=expected):
        SessionRepository(tmp_path / "state.db", **{wrong: value})
    assert [*tmp_path.iterdir()] == []


def test_the_error_of_a_name_like_no_setting_lists_them_all(tmp_path):
    with pytest.raises(InvalidArgumentError, match="zzz: is not a setting; use ") as raised:
        SessionRepository(tmp_path / "state.db", zzz=1)
    assert [name for name in NAMES if name not in raised.value.remedy] == []
