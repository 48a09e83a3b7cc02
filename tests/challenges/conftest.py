"""One small challenge, run end to end once for all tests that look at it."""

from __future__ import annotations

from pathlib import Path

import pytest

from challenges.cli import run as brokerbench


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the demo wrote for the challenge "ci"."""
    out = tmp_path_factory.mktemp("demo") / "out"
    assert brokerbench(["demo", "--challenge", "ci", "-o", str(out), "-j", "2"]) == 0
    return out
