"""Ctrl-C at any step of a read from a server leaves all `pool_size` connections to those that follow."""

import gc

import pytest
from sqlalchemy import URL
from writer.test_interrupts import count, interrupted

from hermes_store import SessionRepository


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # psycopg's, of a connection that was lost
def test_after_ctrl_c_at_any_step_of_a_read_its_connection_is_free(database: URL) -> None:
    with SessionRepository(database, pool_size=1, pool_timeout=0.1) as repository:
        count(repository)
        step = 1
        while interrupted(lambda: count(repository), step):
            gc.collect()
            count(repository)
            step += 1
        assert step > 20
    gc.collect()
