"""Ctrl-C at any step of a read from a server leaves all `pool_size` connections to those that follow."""

import gc

import pytest
from sqlalchemy import URL
from writer.test_interrupts import require_reads_after_ctrl_c


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # psycopg's, of a connection that was lost
def test_after_ctrl_c_at_any_step_of_a_read_its_connection_is_free(database: URL) -> None:
    require_reads_after_ctrl_c(database)
    gc.collect()
