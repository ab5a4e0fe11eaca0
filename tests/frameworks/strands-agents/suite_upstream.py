"""Strands' own tests of its session manager, with our repository in place of their mocked one."""

from pathlib import Path

import pytest
import upstream

FILES = ["tests/strands/session/test_repository_session_manager.py"]


@pytest.mark.parametrize("database", upstream.BOTH)
def test_upstreams_own_tests_pass_with_our_class(database):
    upstream.run("strands-agents", Path(__file__).parent, FILES, database)
