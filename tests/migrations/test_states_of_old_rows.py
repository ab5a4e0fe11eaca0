"""Below revision 0014 no message is set aside, and a session counts all that it has."""

import stored

from hermes_store import SessionRepository, migrate

SPOKEN = [{"role": "user", "content": each} for each in "abc"]


def counts(database):
    return dict(stored.rows(database, "SELECT id, message_count FROM sessions"))


def test_messages_that_were_set_aside_are_counted_when_they_are_live_again(database):
    with SessionRepository(database) as repository:
        for name in ("compacted", "rewound", "as it was"):
            repository.create_session(name, "cli")
            ids = repository.append_messages(name, SPOKEN)
            if name == "rewound":
                repository.rewind(name, ids[1])
        repository.compact("compacted", SPOKEN[:1])
    assert counts(database) == {"compacted": 1, "rewound": 1, "as it was": 3}
    migrate.downgrade(database, "0013")
    assert counts(database) == {"compacted": 4, "rewound": 3, "as it was": 3}
    migrate.upgrade(database)
    with SessionRepository(database) as repository:
        assert repository.check() == []
        assert len(repository.get_messages("compacted")) == 4
