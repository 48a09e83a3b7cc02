"""What a stream is made of, from the command line and from a challenge's file."""

from __future__ import annotations

import gzip
import io
import re
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from brokerbench.errors import ConfigError, InputError
from brokerbench.store import Folder
from brokerbench.tables import Alerts, LightCurves
from challenges.challenge import Stream, find_challenge
from challenges.cli import run as brokerbench
from challenges.pipeline import prepared
from streamer.alerts import Late, prepare
from streamer.cutouts import CutoutFile
from streamer.packets import PacketFile
from streamer.show import read_records
from tests.streamer.runs import make_run

PARTS = {"00-00000": 8, "00-00001": 5}


def packets_of(run: Folder) -> list[bytes]:
    folder = run.path / "stream" / "packets"
    files = [PacketFile(folder / f"{part}.packets") for part in sorted(PARTS)]
    return [raw for file in files for raw in file.read(0, len(file))]


def challenge_file(folder: Path, stream: str) -> Path:
    """The challenge "ci" with another stream."""
    file = folder / "late.toml"
    text = (Path(__file__).parents[2] / "challenges" / "ci.toml").read_text()
    file.write_text(text + f"\n[stream]\n{stream}\n")
    return file


def test_late_facts_from_options_and_from_a_challenge_make_the_same_packets(tmp_path: Path) -> None:
    plain, asked, told = (make_run(tmp_path / name, PARTS) for name in ("plain", "asked", "told"))
    prepare(plain, late=Late(redshift_d=6.0, host_d=3.0))
    days = ["--late-redshift", "6", "--late-host", "3"]
    assert brokerbench(["play", str(asked.path), *days]) == 0
    file = challenge_file(tmp_path, "late_redshift_d = 6.0\nlate_host_d = 3.0")
    assert brokerbench(["play", str(told.path), "--challenge", str(file)]) == 0
    assert packets_of(plain) == packets_of(asked) == packets_of(told)
    at_once = make_run(tmp_path / "at_once", PARTS)
    assert brokerbench(["play", str(at_once.path)]) == 0
    assert packets_of(at_once) != packets_of(plain)


def test_an_option_goes_before_the_challenge(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", PARTS, bands=("g", "r", "i"))
    file = challenge_file(tmp_path, 'schema = "ztf_v4_02"\ndelay_s = 30.0\nlate_host_d = 3.0')
    assert brokerbench(["play", str(run.path), "--challenge", str(file), "--delay", "90"]) == 0
    manifest = Folder.open(run.path / "stream").manifest
    assert (manifest["schema"], manifest["delay_s"], manifest["late_host_d"]) == ("ztf_v4_02", 90.0, 3.0)


@pytest.mark.parametrize(
    "stream, message",
    [
        (
            Stream(schema="lsst_v11_0"),
            "a stream with schema lsst_v11_0, got one with elasticc_v0_9_1; use --again",
        ),
        (Stream(delay_s=30.0), "a stream with delay_s 30.0, got one with 60.0"),
        (Stream(late_redshift_d=2.0), "a stream with late_redshift_d 2.0, got one with 0.0"),
        (Stream(late_host_d=2.0), "a stream with late_host_d 2.0, got one with 0.0"),
        (Stream(cutouts="FILE"), "a stream with cutouts True, got one with False"),
    ],
)
def test_a_stream_made_otherwise_is_not_taken_for_the_one_that_is_asked_for(
    stream: Stream, message: str, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run", PARTS)
    prepare(run)
    if stream.cutouts:
        (tmp_path / "stamps.py").write_text("CUTOUTS = dict\n")
        stream = Stream(cutouts=str(tmp_path / "stamps.py"))
    with pytest.raises(ConfigError, match=f"expected {message}"):
        prepared(run, stream)


def test_the_stamps_of_the_documentation_are_images_of_the_measured_flux(root: Path, tmp_path: Path) -> None:
    (block,) = re.findall(
        r"```python\n(.*?CUTOUTS = .*?)```", (root / "docs" / "streamer.md").read_text(), re.S
    )
    (tmp_path / "stamps.py").write_text(block)
    file = challenge_file(tmp_path, 'schema = "ztf_v4_02"\ncutouts = "stamps.py"')
    assert find_challenge(str(file)).stream.cutouts == str(tmp_path / "stamps.py")
    runs = [make_run(tmp_path / name, PARTS, bands=("g", "r", "i")) for name in ("one", "two")]
    for run, workers in zip(runs, ("1", "2"), strict=True):
        assert brokerbench(["play", str(run.path), "--challenge", str(file), "-j", workers]) == 0
    assert packets_of(runs[0]) == packets_of(runs[1])
    star = np.exp(-(np.square(np.indices((63, 63)) - 31)).sum(axis=0) / 8)
    pulls = []
    for part in PARTS:
        curves = runs[0].read("light_curves", part, LightCurves)
        alerts = Folder.open(runs[0].path / "stream").read("alerts", part, Alerts)
        packets = PacketFile(runs[0].path / "stream" / "packets" / f"{part}.packets")
        for record, row in zip(
            read_records(packets.read(0, len(packets)), "ztf_v4_02"), alerts.row.tolist(), strict=True
        ):
            raw = gzip.decompress(record["cutoutDifference"]["stampData"])
            with fits.open(io.BytesIO(raw)) as hdus:
                image = hdus[0].data
            fitted = (image * star).sum() / (star**2).sum() * star.sum()
            pulls.append((fitted - curves.flux[row]) / curves.flux_err[row])
    assert len(pulls) > 20
    assert abs(np.mean(pulls)) < 4 / np.sqrt(len(pulls))
    assert abs(np.std(pulls) - 1) < 4 / np.sqrt(2 * len(pulls))


@pytest.mark.parametrize(
    "text, error, message",
    [
        ("CUTOUTS = 3\n", ConfigError, "expected CUTOUTS to be a function, got int"),
        ("STAMPS = dict\n", ConfigError, "expected a module that binds CUTOUTS, got none"),
        (
            "import nothing_of_that_name\n",
            InputError,
            "expected a file that imports, got ModuleNotFoundError",
        ),
    ],
)
def test_a_file_without_stamps_is_refused_before_anything_is_made(
    text: str, error: type[Exception], message: str, tmp_path: Path
) -> None:
    (tmp_path / "stamps.py").write_text(text)
    with pytest.raises(error, match=message):
        CutoutFile(str(tmp_path / "stamps.py"), tmp_path)


def test_stamps_that_fail_are_one_line_and_leave_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "run", PARTS, bands=("g", "r", "i"))
    (tmp_path / "stamps.py").write_text("def CUTOUTS(run, part, alerts):\n    return {'Science': [1 / 0]}\n")
    stamps = str(tmp_path / "stamps.py")
    assert brokerbench(["play", str(run.path), "--schema", "ztf_v4_02", "--cutouts", stamps]) == 2
    said = capsys.readouterr().err
    assert "part 00-00000: expected stamps by name, got ZeroDivisionError: division by zero" in said
    assert not list(run.path.glob("stream*"))
