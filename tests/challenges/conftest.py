"""One small challenge, run end to end once for all tests that look at it."""

from __future__ import annotations

from pathlib import Path

import pytest

from challenges.cli import run as brokerbench

SMALL = """
name = "small"
version = 1
summary = "A small sky for tests."
seed = 7001

[survey]
cadence = { use = "synthetic_wfd", options = { years = 0.6, fields = 12 } }

[[population]]
source = "sn_ia"
count = 250
redshift = [0.02, 0.4]

[[population]]
source = "kilonova"
count = 250
redshift = [0.011, 0.06]

[[population]]
source = "rr_lyrae"
count = 40

[[population]]
source = "agn"
count = 40

[training]
seed = 7002
scale = 1.0
"""


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The TOML file of a small challenge."""
    file = tmp_path_factory.mktemp("challenge") / "small.toml"
    file.write_text(SMALL)
    return file


@pytest.fixture(scope="session")
def demo(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the demo wrote for the small challenge."""
    out = tmp_path_factory.mktemp("demo") / "out"
    assert brokerbench(["demo", "--challenge", str(small), "-o", str(out), "-j", "2"]) == 0
    return out
