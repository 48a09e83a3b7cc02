"""Every alert schema goes through the whole chain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from challenges.cli import run as brokerbench
from streamer.schemas import SCHEMAS

SKY = """
name = "schemas"
version = 1
summary = "A handful of objects for every schema."
seed = 41
[survey]
cadence = {{ use = "synthetic_wfd", options = {{ years = 0.5, fields = 6 }} }}
bands = {bands}
[[population]]
source = "sn_ia"
count = 60
redshift = [0.02, 0.2]
[[population]]
source = "rr_lyrae"
count = 8
[training]
seed = 42
brokers = ["prior"]
[stream]
schema = "{schema}"
"""


@pytest.mark.parametrize("schema", list(SCHEMAS))
def test_a_sky_is_streamed_answered_and_scored(schema: str, tmp_path: Path) -> None:
    file = tmp_path / "sky.toml"
    bands = list("gri") if schema.startswith("ztf") else list("ugrizy")
    file.write_text(SKY.format(schema=schema, bands=bands))
    assert brokerbench(["demo", "--challenge", str(file), "-o", str(tmp_path / "out"), "-j", "1"]) == 0
    report = json.loads((tmp_path / "out" / "run" / "scores" / "scores.json").read_text())
    (classifier,) = report["classifiers"]
    assert classifier["accounting"]["sent"] > 100
    assert classifier["accounting"]["missing"] == 0
    assert classifier["accounting"]["received"] == classifier["accounting"]["accepted"]


def test_there_are_schemas_of_three_surveys() -> None:
    assert {name.split("_")[0] for name in SCHEMAS} >= {"elasticc", "lsst", "ztf"}
