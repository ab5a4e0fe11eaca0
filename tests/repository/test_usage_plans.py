"""How a report of usage by time is read: few statements, by the index of hours."""

import re

import pytest
from sqlalchemy import event, text
from support import only_sqlite

from hermes_store import SessionFilter, SessionRepository, values
from hermes_store.queries import usage_by_time
from hermes_store.queries.filtering import chosen

DAY = 86_400


@only_sqlite
@pytest.mark.parametrize(
    "which",
    [
        SessionFilter(archived=None),
        SessionFilter(source="cli"),
        SessionFilter(key="k"),
        SessionFilter(active_since=5.0, archived=None),
        SessionFilter(id_prefix="s"),
    ],
)
@pytest.mark.parametrize("asked", [usage_by_time._ends, usage_by_time._period])
def test_a_period_is_one_range_of_the_index_of_hours(repository, which, asked):
    with repository.transaction() as transaction:
        statement = asked(chosen(transaction._open, which).shape)
        sql = str(statement._core.compile(transaction.connection))
        given = (0,) * sql.count("?")
        plan = transaction.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given)
        steps = [row[3] for row in plan if row[3].startswith(("SEARCH", "SCAN"))]
    assert re.match(r"SEARCH usage USING (COVERING )?INDEX idx_usage_hour \(hour>", steps[0])
    assert [step for step in steps if step.startswith("SCAN")] == []


@pytest.mark.postgresql
@pytest.mark.parametrize("only", [None, "cli"])
def test_a_server_is_asked_for_all_days_at_once(postgresql_database, monkeypatch, only):
    with SessionRepository(postgresql_database, pool_size=1) as repository:
        repository.create_session("s", "cli")
        for day in range(40):
            monkeypatch.setattr(values, "now", lambda day=day: day * DAY)
            repository.record_usage("s")
        asked = []
        with repository.transaction() as transaction:
            engine = transaction.connection.engine
        event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
        with repository.transaction() as transaction:
            report = transaction.usage_report("day", SessionFilter(source=only, archived=None))
    assert len(report) == 40
    # where it ends, twice; how many records there are; the sums
    assert len([each for each in asked if "usage" in each]) == (4 if only else 3)


@pytest.mark.postgresql
def test_a_server_reads_a_day_by_the_index_of_hours_and_chosen_sessions_together(
    postgresql_database,
):
    days = [[24 * day for day in range(n, 400 + n)] for n in (0, 1)]  # starts, ends
    given = {"starts": days[0], "ends": days[1], "start": 0, "beyond": 9_600, "asked_source": "cli"}
    with SessionRepository(postgresql_database) as repository, repository.transaction() as own:
        own.execute(text("INSERT INTO sessions (id, source, started_at)"
                         " SELECT 's' || n, 'cli', n FROM generate_series(1, 9000) AS n"))  # fmt: skip
        own.execute(text("INSERT INTO usage (session_id, hour, first_at, last_at)"
                         " SELECT 's' || n, n, 0, 0 FROM generate_series(1, 9000) AS n"))  # fmt: skip
        own.execute(text("ANALYZE sessions, usage"))
        few, many = (usage_by_time._grouped((("source", None),), few) for few in (True, False))
        plans = [
            "\n".join(row[0] for row in explained(own, statement, given))
            for statement in (usage_by_time._RANGES, few, many)
        ]
    assert "Index Scan using idx_usage_hour on usage" in plans[0]
    assert "on sessions" in plans[1]
    assert "Hash Join" not in plans[1]
    assert plans[2].count("on sessions") == 1
    assert "Hash Join" in plans[2]


def explained(transaction, statement, given):
    sql, constants = statement._compile("postgresql", transaction.connection.dialect)
    driver = transaction.connection.connection.dbapi_connection
    return driver.execute(f"EXPLAIN {sql}", given | constants).fetchall()
