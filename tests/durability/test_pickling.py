"""What works on a store stays in its process: another process is given the address."""

import copy
import multiprocessing
import pickle
from collections.abc import Callable
from itertools import product

import pytest

from hermes_store import AsyncSessionRepository, SessionRepository
from hermes_store.errors import InvalidArgumentError


def taken_along(repository: SessionRepository) -> dict[str, object]:
    return {
        "repository": repository,
        "awaited": AsyncSessionRepository(repository),
        "namespace": repository.leases,
    }


@pytest.mark.parametrize(
    ("which", "take"),
    [
        *product(["repository", "namespace"], [pickle.dumps, copy.copy, copy.deepcopy]),
        (
            "awaited",
            pickle.dumps,
        ),  # a plain copy shares the repository, as another one made of it does
        ("awaited", copy.deepcopy),
    ],
)
def test_a_repository_is_not_pickled_or_copied_and_the_error_says_what_to_give(
    repository: SessionRepository, which: str, take: Callable[[object], object]
) -> None:
    with pytest.raises(InvalidArgumentError, match="give the address of the store"):
        take(taken_along(repository)[which])
    with repository.transaction() as tx, pytest.raises(InvalidArgumentError, match="address"):
        take(tx)
    assert repository.session_count() == 0


def test_a_process_that_is_spawned_with_a_repository_is_refused(
    repository: SessionRepository,
) -> None:
    spawned = multiprocessing.get_context("spawn").Process(target=print, args=(repository,))
    with pytest.raises(InvalidArgumentError, match="open it there"):
        spawned.start()
