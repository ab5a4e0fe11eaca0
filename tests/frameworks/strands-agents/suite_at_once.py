"""Several programs that create the same at once: one creates it, the others are told."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

import pytest
from strands.types.exceptions import SessionException
from strands.types.session import Session, SessionAgent, SessionMessage, SessionType

from hermes_store import SessionRepository
from hermes_store.adapters.strands import HermesSessionRepository

WRITERS, ROUNDS = 4, 25


def said(text: str) -> dict:
    return {"role": "user", "content": [{"text": text}]}


def at_once(database, create: Callable[[HermesSessionRepository, int, int], None]) -> list[int]:
    """Who created what, round by round: each writer tries it in each round."""
    barrier = Barrier(WRITERS)
    created: list[list[int]] = [[] for _ in range(ROUNDS)]
    with ExitStack() as opened:
        doors = [opened.enter_context(SessionRepository(database)) for _ in range(WRITERS)]

        def write(writer: int) -> None:
            sessions = HermesSessionRepository(doors[writer])
            for number in range(ROUNDS):
                barrier.wait(60)
                try:
                    create(sessions, number, writer)
                except SessionException:
                    continue
                created[number].append(writer)

        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(write, range(WRITERS)))
    assert [len(each) for each in created] == [1] * ROUNDS
    return [each[0] for each in created]


def test_a_message_is_stored_by_one_writer_and_refused_to_the_others(database, sessions):
    def create(door, number, writer):
        door.create_message("s", "default", SessionMessage(said(str(writer)), number))

    writers = at_once(database, create)
    messages = [each.message for each in sessions.list_messages("s", "default")]
    assert messages == [said(str(writer)) for writer in writers]


def test_an_agent_is_created_by_one_writer_and_refused_to_the_others(database, sessions):
    def create(door, number, writer):
        door.create_agent("s", SessionAgent(f"agent {number}", {"writer": writer}, {}))

    writers = at_once(database, create)
    states = [sessions.read_agent("s", f"agent {number}").state for number in range(ROUNDS)]
    assert states == [{"writer": writer} for writer in writers]


@pytest.mark.usefixtures("sessions")
def test_a_session_is_created_by_one_writer_and_refused_to_the_others(database):
    at_once(
        database,
        lambda door, number, _: door.create_session(Session(f"s{number}", SessionType.AGENT)),
    )
