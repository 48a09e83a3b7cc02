"""An error of the user's is one line, exit code 2, and leaves nothing half-written."""

from __future__ import annotations

import gzip
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from challenges.cli import run as brokerbench


def complaint(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line that a command prints when it fails with exit code 2."""
    code = brokerbench([str(a) for a in arguments])
    printed = capsys.readouterr().err.strip().splitlines()
    lines = [line for line in printed if line.startswith("brokerbench: ")]
    assert code == 2, printed
    assert len(lines) == 1
    assert "Traceback" not in "\n".join(printed)
    return lines[0]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["mke"], "No such command 'mke'. Did you mean 'make'?"),
        (["make"], "Missing argument"),
        (["make", "demo", "--otput", "x"], "No such option: --otput"),
        (["make", "dmo", "-o", "OUT"], "got 'dmo'; did you mean 'demo'?"),
        (["make", "none.toml", "-o", "OUT"], "none.toml: expected a TOML file, got No such file"),
        (["make", "demo", "-o", "OUT", "--scale", "-1"], "scale: expected a positive number"),
        (["make", "demo", "-o", "OUT", "--seed", "20260102"], "expected another seed than the training"),
        (["import", "snaan", "x", "-o", "OUT"], "got 'snaan'; did you mean 'snana'?"),
        (["import", "snana", "nowhere", "-o", "OUT"], "nowhere: expected"),
        (["play", "nowhere"], "nowhere: expected a folder, got nothing there"),
        (["run", "nowhere", "--broker", "prior"], "nowhere: expected a folder, got nothing there"),
        (["score", "nowhere"], "nowhere: expected a folder, got nothing there"),
        (["report", "nowhere"], "nowhere: expected a folder, got nothing there"),
        (["train", "nowhere", "--broker", "forest", "-o", "OUT"], "nowhere: expected a folder"),
        (["verify", "nowhere"], "nowhere: expected a folder"),
        (["split", "nowhere", "a", "b"], "nowhere: expected a folder"),
        (["list", "brokrs"], "expected a kind of thing, got 'brokrs'; did you mean 'brokers'?"),
    ],
)
def test_a_wrong_command_is_one_line(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in complaint(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["run", "RUN", "--broker", "forst"], "got 'forst'; did you mean 'forest'?"),
        (["run", "RUN", "--broker", "forest"], "expected a broker that knows its classes"),
        (["run", "RUN", "--broker", "none.py"], "none.py: expected a Python file, got nothing there"),
        (["run", "RUN", "--broker", "forest", "--model", "nowhere"], "nowhere"),
        (["play", "RUN", "--transport", "kafak"], "'kafka'"),
        (["play", "RUN", "--behind", "hurry"], "expected catch up, shift or fail, got 'hurry'"),
        (["play", "RUN", "-X", "novalue"], "-X: expected key=value, got 'novalue'"),
        (["play", "RUN", "--schema", "elasticc_v0_9_2"], "elasticc_v0_9_1"),
        (["make", "demo", "-o", "RUN"], "expected no such folder yet, got one"),
        (["train", "RUN", "--broker", "forest", "-o", "MODELS"], "expected no such model yet"),
    ],
)
def test_a_wrong_name_is_one_line_and_changes_nothing(
    demo: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"RUN": str(demo / "run"), "MODELS": str(demo / "models" / "forest")}
    before = sorted(str(p) for p in demo.rglob("*"))
    assert message in complaint(capsys, *(names.get(a, a) for a in arguments))
    assert sorted(str(p) for p in demo.rglob("*")) == before


def test_a_truncated_table_is_one_line(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(demo / "run", tmp_path / "run", ignore=shutil.ignore_patterns("topics"))
    shutil.rmtree(tmp_path / "run" / "scores")
    file = next((tmp_path / "run" / "truth" / "objects").glob("*.parquet"))
    file.write_bytes(file.read_bytes()[:-20])
    line = complaint(capsys, "score", tmp_path / "run")
    assert "expected a whole Parquet file" in line
    assert not (tmp_path / "run" / "scores").exists()
    assert "expected the bytes that the manifest names" in complaint(capsys, "verify", tmp_path / "run")


def test_truncated_fits_is_one_line_and_leaves_nothing(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = next((shared_data / "05_challenge_data" / "elasticc2_snana_fits").glob("*SNIb*"))
    folder = tmp_path / "files"
    folder.mkdir()
    for file in source.glob("*-0001_*.FITS.gz"):
        whole = gzip.decompress(file.read_bytes())
        cut = whole if "HEAD" in file.name else whole[: len(whole) // 2]
        (folder / file.name.removesuffix(".gz")).write_bytes(cut)
    line = complaint(capsys, "import", "snana", folder, "-o", tmp_path / "run")
    assert "PHOT" in line
    assert sorted(p.name for p in tmp_path.iterdir()) == ["files"]


def test_an_empty_folder_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "files").mkdir()
    line = complaint(capsys, "import", "snana", tmp_path / "files", "-o", tmp_path / "run")
    assert "expected" in line
    assert sorted(p.name for p in tmp_path.iterdir()) == ["files"]


CHEAT = """
import numpy as np
class Cheat:
    name, version, classes = "cheat", "1", (2222, 2332)
    def classify(self, batch):
        p = (batch.object_id % 97 / 97).astype("f4")
        return np.stack([p, 1 - p], axis=1)
BROKER = Cheat()
"""


def test_check_tells_what_a_broker_gets_wrong(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, model = str(demo / "run"), str(demo / "models" / "forest")
    assert brokerbench(["check", "forest", run, "--model", model]) == 0
    assert "FAIL" not in capsys.readouterr().out
    (tmp_path / "cheat.py").write_text(CHEAT)
    assert brokerbench(["check", str(tmp_path / "cheat.py"), run]) == 0
    assert "note" in capsys.readouterr().out
    (tmp_path / "bad.py").write_text(CHEAT.replace("1 - p", "1 + p"))
    assert brokerbench(["check", str(tmp_path / "bad.py"), run]) == 2
    printed = capsys.readouterr()
    assert "FAIL" in printed.out
    assert "expected a broker that keeps every required rule" in printed.err


def test_compare_names_the_better_classifier(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert brokerbench(["compare", str(demo / "run"), "--axis", "detection:3"]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"macro_f1 .*\+0\.\d+ .*forest 1", printed)
    assert "McNemar p" in printed
    line = complaint(capsys, "compare", demo / "run", "forest", "frest")
    assert "did you mean 'forest'" in line


def test_numbers_are_served_and_shown_while_a_run_is_played(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stages = shutil.ignore_patterns("topics", "ledger", "answers", "rejects", "scores", "report.html")
    shutil.copytree(demo / "run", tmp_path / "run", ignore=stages)
    run = str(tmp_path / "run")
    assert brokerbench(["play", run, "--live", "--metrics-port", "0"]) == 0
    model = str(demo / "models" / "prior")
    assert brokerbench(["run", run, "--broker", "prior", "--model", model, "--metrics-port", "0"]) == 0
    assert capsys.readouterr().err.count("http://127.0.0.1:") == 2
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        line = complaint(capsys, "run", run, "--broker", "prior", "--model", model, "--metrics-port", port)
    assert f"expected port {port} to be free" in line


def test_a_sky_without_objects_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).parents[2] / "challenges" / "ci.toml").read_text()
    (tmp_path / "zero.toml").write_text(re.sub(r"count = \d+", "count = 0", text))
    line = complaint(capsys, "make", tmp_path / "zero.toml", "-o", tmp_path / "run")
    assert "expected at least one object in all, got none" in line
    assert sorted(p.name for p in tmp_path.iterdir()) == ["zero.toml"]


def test_a_sky_with_a_handful_of_objects_is_scored(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "challenges" / "ci.toml").read_text()
    (tmp_path / "six.toml").write_text(re.sub(r"count = \d+", "count = 6", text))
    arguments = ["demo", "--challenge", str(tmp_path / "six.toml"), "-o", str(tmp_path / "out")]
    assert brokerbench(arguments) == 0


def test_a_process_exits_with_2_and_without_a_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "challenges", "make", "dmo", "-o", str(tmp_path / "x")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "did you mean 'demo'?" in done.stderr


def test_help_and_version_and_lists_work(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["--help"], ["--version"], ["list"], ["list", "sources"]):
        assert brokerbench(arguments) == 0
    printed = capsys.readouterr().out
    assert "sn_ia" in printed
    assert "forest" in printed
