"""Memory does not grow with the number of alerts in play, run, collect and score."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SKY = """
name = "memory"
version = 1
summary = "One class, as many chunks as it takes."
seed = 31
[survey]
cadence = {{ use = "synthetic_wfd", options = {{ years = 1.0, fields = 30 }} }}
[[population]]
source = "sn_ia"
count = {count}
redshift = [0.02, 0.3]
[training]
seed = 32
"""

BROKER = """
from dataclasses import dataclass
import numpy as np
@dataclass(frozen=True)
class Same:
    name: str = "same"
    version: str = "1"
    classes: tuple = (2222, 2332)
    def classify(self, batch):
        return np.full((len(batch), 2), 0.5, "f4")
BROKER = Same()
"""

STAGE = """
import resource, sys, json
from challenges.cli import run
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert run(sys.argv[1:]) == 0
print(json.dumps({"mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def peak_mb(*arguments: object) -> float:
    """Peak memory of one command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", STAGE, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return float(json.loads(done.stdout.splitlines()[-1])["mb"])


def peaks(folder: Path, chunks: int) -> tuple[int, dict[str, float]]:
    """Alerts of a run of so many chunks, and the peak memory of each stage."""
    folder.mkdir()
    (folder / "sky.toml").write_text(SKY.format(count=4096 * chunks))
    (folder / "same.py").write_text(BROKER)
    run = folder / "run"
    stages = {
        "make": peak_mb("make", folder / "sky.toml", "-o", run, "-j", 1),
        "play": peak_mb("play", run, "-j", 1),
        "run": peak_mb("run", run, "--broker", folder / "same.py"),
        "score": peak_mb("score", run),
    }
    parts = json.loads((run / "stream" / "manifest.json").read_text())["parts"]
    return sum(part["alerts"] for part in parts.values()), stages


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss is in KB on Linux alone")
def test_five_times_the_alerts_take_no_more_memory(tmp_path: Path) -> None:
    few, small = peaks(tmp_path / "small", 1)
    many, large = peaks(tmp_path / "large", 5)
    assert many > 4 * few > 40_000
    # What is held is a chunk, a batch, a segment: 64 MB of page-sized noise is allowed, while one
    # packet of 5 kB for each of the further alerts would be some 250 MB.
    grown = {stage: large[stage] - small[stage] for stage in small}
    assert all(growth < 64 for growth in grown.values()), (few, many, small, large)
