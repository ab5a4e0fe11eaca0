"""An export that a program loses is closed, wherever the garbage collector finds it."""

import threading
from concurrent.futures import ThreadPoolExecutor

from loops import happens


async def test_an_export_that_is_lost_takes_no_lock_of_a_pool_where_it_is_lost(repo, monkeypatch):
    """The thread in which the collector finds it may have that lock."""
    export = repo.iter_export()
    await anext(export)
    submit, callers = ThreadPoolExecutor.submit, []

    def observed(*given):
        callers.append(threading.get_ident())
        return submit(*given)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", observed)
    del export
    await happens(lambda: repo.synchronous._store._readers.streams == [])
    assert len(callers) == 1
    assert callers != [threading.get_ident()]
