"""What is published of a challenge is whole, is read by others, and tells nothing of the truth."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from pathlib import Path

import fastavro
import numpy as np
import pyarrow.parquet as pq
import pytest

from brokerbench.config import load
from brokerbench.errors import ConfigError, InputError
from brokerbench.store import Folder
from brokerbench.tables import Objects
from challenges.challenge import find_challenge, find_scoring
from challenges.cli import run as brokerbench
from challenges.publication import Rules
from challenges.publish import publish
from challenges.seal import read_seal, reveal, verify

if not os.environ.get("CI"):
    pytest.importorskip("mlcroissant", reason="the extra publish is not installed")

SEED = 8675309
CHALLENGE = """
name = "secret"
version = 3
summary = "Name a transient."
seed = 8675309

[survey]
cadence = { use = "synthetic_wfd", options = { years = 0.5, fields = 6 } }

[[population]]
source = "sn_ia"
count = 60
redshift = [0.02, 0.2]

[[population]]
source = "rr_lyrae"
count = 20

[training]
seed = 17

[scoring]
detections = [1, 2]
intervals = false

[publication]
description = "A test of the first days."
creators = ["the brokerbench developers"]
url = "https://example.org/secret"
date = "2026-11-20"
cite_as = "A paper."
formats = ["parquet_long", "plasticc_csv", "snana_fits"]
light_curves = true
limitations = ["Two classes alone."]
"""


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the challenge's file, its two runs and what was published of them."""
    at = tmp_path_factory.mktemp("publish")
    (at / "secret.toml").write_text(CHALLENGE)
    name = str(at / "secret.toml")
    assert brokerbench(["make", name, "-o", str(at / "run"), "-j", "1"]) == 0
    assert brokerbench(["make", name, "--training", "-o", str(at / "learn"), "-j", "1"]) == 0
    given = ["publish", name, str(at / "run"), str(at / "learn"), "-o", str(at / "public"), "-j", "1"]
    assert brokerbench(given) == 0
    return at


def test_every_file_is_as_its_sum_says(where: Path) -> None:
    public = where / "public"
    lines = (public / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    files = {p.relative_to(public).as_posix() for p in public.rglob("*") if p.is_file()} - {"SHA256SUMS"}
    assert set(sums) == files
    for name, digest in sums.items():
        assert hashlib.sha256((public / name).read_bytes()).hexdigest() == digest
    assert not list(where.glob("*.partial"))
    assert not list(where.glob("public.scratch"))


def test_no_file_holds_the_seed_or_a_class_of_the_survey(where: Path) -> None:
    public = where / "public"
    for path in public.rglob("*"):
        if path.is_file() and "training" not in path.parts:
            raw = path.read_bytes()
            assert str(SEED).encode() not in raw, path
            if {"alerts", "light_curves"} & set(path.parts):
                assert b"class_id" not in raw, path
                assert b"true_z" not in raw, path


def test_the_order_of_the_light_curves_is_not_that_of_the_classes(where: Path) -> None:
    run = Folder.open(where / "run")
    truth = Objects.concat([run.read("truth/objects", part, Objects) for part in run.parts])
    order = np.argsort(truth.object_id)
    given = pq.read_table(where / "public" / "light_curves" / "parquet_long" / "objects.parquet")
    ids = given["object_id"].to_numpy()
    classes = truth.class_id[order][np.searchsorted(truth.object_id[order], ids)]
    assert (np.diff(ids) > 0).all()
    assert np.count_nonzero(np.diff(classes)) > 2


def test_the_training_run_is_whole_and_has_its_truth(where: Path) -> None:
    training = Folder.open(where / "public" / "training" / "run", kind="run")
    training.verify()
    assert sum(len(training.read("truth/objects", p, Objects)) for p in training.parts) == 80
    assert (
        "class_id" in pq.read_schema(where / "public" / "training" / "parquet_long" / "objects.parquet").names
    )


def test_the_seal_is_that_of_the_run(where: Path, tmp_path: Path) -> None:
    run = Folder.open(where / "run")
    truth = reveal(run, tmp_path / "truth.parquet")
    assert verify(read_seal(where / "public" / "seal.json"), truth) == 80


def test_the_rules_are_those_of_the_challenge_and_score_by_themselves(where: Path, tmp_path: Path) -> None:
    rules = load(where / "public" / "rules.toml", Rules)
    challenge = find_challenge(str(where / "secret.toml"))
    assert rules.scoring == challenge.scoring
    (renamed := tmp_path / "theirs.toml").write_bytes((where / "public" / "rules.toml").read_bytes())
    assert find_scoring(str(renamed)) == challenge.scoring == find_scoring(str(where / "secret.toml"))
    with pytest.raises(InputError, match="nowhere.toml: expected a TOML file"):
        find_scoring("nowhere.toml")
    assert (rules.name, rules.version, rules.schema) == ("secret", 3, "elasticc_v0_9_1")


def test_mlcroissant_reads_the_description_and_the_records(where: Path) -> None:
    import mlcroissant as mlc

    dataset = mlc.Dataset(jsonld=str(where / "public" / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    assert not dataset.metadata.ctx.issues.warnings
    name = "light_curves/parquet_long/objects.parquet"
    rows = list(dataset.records(f"records/{name}"))
    ids = pq.read_table(where / "public" / name)["object_id"].to_pylist()
    assert [row[f"records/{name}/object_id"] for row in rows] == ids
    csv = "training/plasticc_csv/metadata.csv"
    assert len(list(dataset.records(f"records/{csv}"))) > 10


def test_the_schemas_read_the_archived_alerts(where: Path) -> None:
    schema = json.loads((where / "public" / "schema" / "alert.avsc").read_text())
    parsed = fastavro.parse_schema(schema)
    seen = 0
    for path in sorted((where / "public" / "alerts").glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                raw = tar.extractfile(member)
                assert raw is not None
                record = fastavro.schemaless_reader(io.BytesIO(raw.read()), parsed, None)
                assert record["diaSource"]["diaSourceId"] == record["alertId"]
                seen += 1
    assert f"{seen:,} alerts" in (where / "public" / "README.md").read_text()


def test_a_participant_answers_the_archive_and_the_answers_are_scored(where: Path, tmp_path: Path) -> None:
    tars = [str(p) for p in sorted((where / "public" / "alerts").glob("*.tar"))]
    training, model = str(where / "public" / "training" / "run"), str(tmp_path / "model")
    assert brokerbench(["train", training, "--broker", "prior", "-o", model]) == 0
    answers, run = str(tmp_path / "answers"), str(where / "run")
    assert brokerbench(["answer", *tars, "--broker", "prior", "--model", model, "-o", answers]) == 0
    assert not list(tmp_path.glob("*.partial"))
    assert brokerbench(["play", run]) == 0
    assert brokerbench(["convert", answers, "--run", run]) == 0
    assert brokerbench(["score", run, "--challenge", str(where / "public" / "rules.toml"), "-j", "1"]) == 0
    stream = Folder.open(where / "run" / "stream").manifest["parts"].values()
    (scored,) = json.loads((where / "run" / "scores" / "scores.json").read_text())["classifiers"]
    books = scored["accounting"]
    assert books["sent"] == books["on_time"] == books["accepted"] == sum(part["alerts"] for part in stream)


def test_answers_are_not_written_over_others(
    where: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "answers").mkdir()
    tar = str(next((where / "public" / "alerts").glob("*.tar")))
    assert brokerbench(["answer", tar, "--broker", "prior", "-o", str(tmp_path / "answers")]) == 2
    assert "expected no such folder yet, got one" in capsys.readouterr().err


def test_alerts_of_another_schema_are_said_to_be_that(
    where: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    tar, model = str(next((where / "public" / "alerts").glob("*.tar"))), str(tmp_path / "model")
    training = str(where / "public" / "training" / "run")
    assert brokerbench(["train", training, "--broker", "prior", "-o", model]) == 0
    given = ["answer", tar, "--broker", "prior", "--model", model, "-o", str(tmp_path / "answers")]
    assert brokerbench([*given, "--schema", "lsst_v11_0"]) == 2
    assert "expected alerts of the schema lsst_v11_0, got" in capsys.readouterr().err
    assert not (tmp_path / "answers").exists()
    assert brokerbench(["answer", "nowhere.tar", *given[2:]]) == 2
    assert "nowhere.tar: expected a tar of alerts, got nothing there" in capsys.readouterr().err


def test_a_training_run_that_holds_objects_of_the_survey_is_refused(where: Path, tmp_path: Path) -> None:
    challenge = find_challenge(str(where / "secret.toml"))
    run = Folder.open(where / "run")
    manifest = json.loads((where / "run" / "manifest.json").read_text())
    same = tmp_path / "same"
    shutil.copytree(
        where / "run", same, ignore=shutil.ignore_patterns("topics", "answers", "scores", "ledger")
    )
    (same / "manifest.json").write_text(json.dumps({**manifest, "name": "secret-training"}))
    with pytest.raises(InputError, match="expected other objects than those of .*, got 80 of them"):
        publish(challenge, run, Folder.open(same), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_of_another_challenge_is_refused(where: Path, tmp_path: Path) -> None:
    challenge, run = find_challenge(str(where / "secret.toml")), Folder.open(where / "run")
    with pytest.raises(InputError, match="expected a run named 'secret-training', got 'secret'"):
        publish(challenge, run, run, tmp_path / "out")
    with pytest.raises(InputError, match="expected no such folder yet, got one"):
        publish(challenge, run, Folder.open(where / "learn"), where / "public")


def test_the_seed_of_a_challenge_in_the_package_is_no_secret(demo: Path, tmp_path: Path) -> None:
    run, learning = Folder.open(demo / "run"), Folder.open(demo / "training")
    with pytest.raises(ConfigError, match="expected a seed that nobody else has"):
        publish(find_challenge("ci"), run, learning, tmp_path / "out")


def test_a_date_is_a_date(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(CHALLENGE.replace("2026-11-20", "20 November"))
    with pytest.raises(ConfigError, match="publication.date: expected YYYY-MM-DD, got '20 November'"):
        find_challenge(str(tmp_path / "c.toml"))
