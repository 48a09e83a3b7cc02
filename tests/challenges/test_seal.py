"""A sealed truth cannot be changed unseen, and the seal tells nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from brokerbench.errors import AccountingError, InputError
from brokerbench.store import Folder, read_metadata, read_table, write_table
from brokerbench.tables import Objects
from challenges.cli import run as brokerbench
from challenges.seal import Seal, read_seal, reveal, seal, verify, write_seal


@pytest.fixture
def run(demo: Path, tmp_path: Path) -> Folder:
    stages = shutil.ignore_patterns("stream", "topics", "ledger", "answers", "rejects", "scores")
    shutil.copytree(demo / "run", tmp_path / "run", ignore=stages)
    return Folder.open(tmp_path / "run")


def test_the_commands_seal_reveal_and_verify(run: Folder, tmp_path: Path) -> None:
    sealed, truth = str(tmp_path / "seal.json"), str(tmp_path / "truth.parquet")
    assert brokerbench(["truth", "seal", str(run.path), "-o", sealed]) == 0
    assert brokerbench(["truth", "reveal", str(run.path), "-o", truth]) == 0
    assert brokerbench(["truth", "verify", sealed, truth]) == 0
    run.verify()


@pytest.mark.parametrize("column", ["class_id", "z", "t0", "object_id"])
def test_any_change_is_found(run: Folder, tmp_path: Path, column: str) -> None:
    sealed = seal(run)
    truth = reveal(run, tmp_path / "truth.parquet")
    objects = read_table(truth, Objects)
    changed = getattr(objects, column).copy()
    row = int(np.flatnonzero(np.isfinite(objects.z))[0])
    changed[row] += 1
    other = Objects(**{**objects.as_dict(), column: changed})
    write_table(truth, other, metadata={"salt": read_metadata(truth)["salt"]})
    with pytest.raises(AccountingError, match="expected the truth that was sealed, got another one"):
        verify(sealed, truth)


def test_the_order_of_rows_does_not_matter(run: Folder, tmp_path: Path) -> None:
    sealed = seal(run)
    truth = reveal(run, tmp_path / "truth.parquet")
    objects = read_table(truth, Objects)
    shuffled = objects.take(np.random.default_rng(1).permutation(len(objects)))
    write_table(truth, shuffled, metadata={"salt": read_metadata(truth)["salt"]})
    assert verify(sealed, truth) == len(objects)


def test_a_lost_object_is_found(run: Folder, tmp_path: Path) -> None:
    sealed = seal(run)
    truth = reveal(run, tmp_path / "truth.parquet")
    objects = read_table(truth, Objects)
    salt = read_metadata(truth)["salt"]
    write_table(truth, objects.take(np.arange(len(objects) - 1)), metadata={"salt": salt})
    with pytest.raises(AccountingError, match="expected .* objects as sealed, got"):
        verify(sealed, truth)


def test_the_seal_needs_the_secret_salt(run: Folder) -> None:
    one = seal(run)
    assert seal(run) == one  # the same salt again
    (run.path / "seal.secret.json").unlink()
    assert seal(run).digest != one.digest


def test_the_rows_of_a_revealed_truth_say_nothing_of_parts(run: Folder, tmp_path: Path) -> None:
    seal(run)
    objects = read_table(reveal(run, tmp_path / "t.parquet"), Objects)
    assert (np.diff(objects.object_id) > 0).all()


def test_a_run_without_a_seal_is_not_revealed(run: Folder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a sealed run, got no seal.secret.json"):
        reveal(run, tmp_path / "truth.parquet")


def test_wrong_files_are_named(run: Folder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a seal in JSON"):
        read_seal(tmp_path / "none.json")
    write_seal(tmp_path / "s.json", Seal("00", 1, "md5"))
    with pytest.raises(InputError, match="expected a seal by sha256"):
        read_seal(tmp_path / "s.json")
    (tmp_path / "s.json").write_text(json.dumps({"x": 1}))
    with pytest.raises(InputError, match="expected a seal in JSON"):
        read_seal(tmp_path / "s.json")
    part = run.file("truth/objects", run.parts[0])
    with pytest.raises(InputError, match="expected a revealed truth with its salt"):
        verify(seal(run), part)
