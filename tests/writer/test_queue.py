"""The queue of one writer, without a database: order, hand-over, a full queue, being alone."""

import pytest
from support import Caller, until

from hermes_store.errors import StoreClosedError
from hermes_store.execution.turns import DONE, LEADING, Turn, Turns


def entered(
    turns: Turns, names: str, *, alone: bool = False
) -> tuple[dict[str, Turn], list[Caller]]:
    """Threads that wait for their turn, in the order of `names`."""
    waiting: dict[str, Turn] = {}
    callers = []

    def enter(name: str) -> None:
        waiting[name] = Turn(lambda _: name, 30.0)
        waiting[name].alone = alone
        waiting[name].thread = -1  # the system gives the number of an ended thread again
        turns.enter(waiting[name])

    for name in names:
        number = len(turns)
        callers.append(Caller(lambda name=name: enter(name)))
        until(lambda number=number: len(turns) == number + 1)
    return waiting, callers


def test_those_whom_an_interrupted_leader_gives_back_keep_their_order() -> None:
    turns = Turns(100)
    leader = Turn(lambda _: None, 30.0)
    turns.enter(leader)
    waiting, callers = entered(turns, "abc")
    group = [leader]
    turns.gather(group, 50, 0.0)
    assert group == [leader, *waiting.values()]
    later, more = entered(turns, "d")
    turns.leave(leader, group)
    callers[0].finish()
    assert waiting["a"].state is LEADING
    given = [waiting["a"]]
    turns.gather(given, 50, 0.0)
    assert given == [waiting["a"], waiting["b"], waiting["c"], later["d"]]
    for turn in given[1:]:
        turn.wake(DONE)
    turns.leave(waiting["a"], given)
    for caller in (*callers, *more):
        caller.finish()
    assert not turns.led


def test_one_that_wants_to_be_alone_waits_for_all_leaders_and_keeps_others_waiting() -> None:
    turns = Turns(100, most_leaders=3)
    leader = Turn(lambda _: None, 30.0)
    turns.enter(leader)
    alone, [first] = entered(turns, "a", alone=True)
    turns.leave(leader)
    first.finish()
    others, [second] = entered(turns, "b")
    assert others["b"].state != LEADING
    turns.leave(alone["a"])
    second.finish()
    assert others["b"].state is LEADING
    turns.leave(others["b"])
    assert not turns.led


def test_closing_refuses_all_who_wait_and_all_who_come() -> None:
    turns = Turns(100)
    leader = Turn(lambda _: None, 30.0)
    leader.thread = -1
    turns.enter(leader)
    waiting, callers = entered(turns, "ab")
    assert turns.close(0.0) is False  # the leader is not through
    for caller in callers:
        caller.finish()
    assert all(isinstance(turn.error, StoreClosedError) for turn in waiting.values())
    with pytest.raises(StoreClosedError):
        turns.enter(Turn(lambda _: None, 30.0))
    turns.leave(leader)
    assert turns.close(0.0) is True
