"""The fixtures work in somebody else's test suite."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BROKER = '''
from dataclasses import dataclass
import numpy as np

@dataclass(frozen=True)
class Hosts:
    """Says Galactic where there is no redshift, and shares the rest out."""
    name: str = "hosts"
    version: str = "1"
    classes: tuple = (2222, 2232, 2323, 2332)
    def classify(self, batch):
        out = np.tile(np.array([0.5, 0.1, 0.2, 0.2], "f4"), (len(batch), 1))
        out[np.isnan(batch.z_final)] = [0.05, 0.05, 0.85, 0.05]
        return out

BROKER = Hosts()
'''

TESTS = """
import pytest
from brokerbench.errors import UnknownName

def test_it_beats_one_class_always(brokerbench_score):
    scores = brokerbench_score("hosts.py")
    assert 0.25 < scores.value("macro_f1") <= 1
    assert 0 <= scores.value("macro_f1", detection=1) <= 1
    assert 0 <= scores.value("accuracy", days=8) <= 1
    with pytest.raises(UnknownName, match="expected one value of macro_f2"):
        scores.value("macro_f2")

def test_a_run_to_learn_from(brokerbench_training, brokerbench_run):
    assert brokerbench_training.manifest["seed"] != brokerbench_run.manifest["seed"]
"""


def test_a_classifier_is_tested_in_its_own_suite(tmp_path: Path) -> None:
    (tmp_path / "hosts.py").write_text(BROKER)
    (tmp_path / "test_hosts.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
