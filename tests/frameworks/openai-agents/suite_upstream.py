"""The SDK's own tests of its sessions and of what wraps them, with our class in place of its own."""

from pathlib import Path

import pytest
import upstream

FILES = [
    "tests/memory/test_session.py",
    "tests/memory/test_session_limit.py",
    "tests/memory/test_session_context_wrapper.py",
    "tests/memory/test_compaction_suffix.py",
    "tests/extensions/memory/test_encrypt_session.py",
]


@pytest.mark.parametrize("database", upstream.BOTH)
def test_upstreams_own_tests_pass_with_our_class(database):
    suite = Path(__file__).parent
    upstream.run("openai-agents", suite, FILES, database, "-o", "asyncio_mode=auto")
