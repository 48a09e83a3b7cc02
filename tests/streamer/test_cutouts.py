"""Stamps are carried as the bytes that they were given as, and nothing else of a packet changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from brokerbench.errors import InputError
from brokerbench.store import Folder
from brokerbench.tables import Alerts
from streamer.alerts import prepare, read_batches
from streamer.packets import PacketFile, Packets
from streamer.schemas import SCHEMAS
from streamer.schemas.schema import CUTOUTS
from streamer.show import read_records
from tests.streamer.runs import make_run

CARRIERS = sorted(name for name in SCHEMAS if SCHEMAS[name].cutouts)
PARTS = {"00-00000": 8, "00-00001": 5}


def stamp(name: str, alert_id: int) -> bytes:
    """The stamp of an alert, of another length each; every third alert has none, and no template at all."""
    if name == "Template" or alert_id % 3 == 0:
        return b""
    return b"\x1f\x8b" + f"{name} of {alert_id}".encode() * (1 + alert_id % 50)


def stamps_of(part: str, alerts: Alerts) -> Mapping[str, Packets]:
    return {name: Packets.of([stamp(name, i) for i in alerts.alert_id.tolist()]) for name in CUTOUTS}


def one_too_few(part: str, alerts: Alerts) -> Mapping[str, Packets]:
    return {"Science": Packets.of([b"x"] * (len(alerts) - 1))}


def of_another_name(part: str, alerts: Alerts) -> Mapping[str, Packets]:
    return {"science": Packets.of([b"x"] * len(alerts))}


def prepared(path: Path, schema: str, **options: Any) -> Folder:
    run = make_run(path, PARTS, visits=60, bands=("g", "r", "i"))
    prepare(run, schema=schema, **options)
    return run


def records_of(run: Folder, schema: str) -> list[Any]:
    out: list[Any] = []
    for part in sorted(PARTS):
        file = PacketFile(run.path / "stream" / "packets" / f"{part}.packets")
        out += read_records(file.read(0, len(file)), schema)
    return out


def test_surveys_with_stamps_are_among_the_schemas() -> None:
    assert {"lsst_v10_0", "lsst_v11_0", "ztf_v4_02"} <= set(CARRIERS)


@pytest.mark.parametrize("schema", CARRIERS)
def test_stamps_come_back_as_they_were_given(schema: str, tmp_path: Path) -> None:
    bare = prepared(tmp_path / "bare", schema)
    given = prepared(tmp_path / "given", schema, cutouts=stamps_of, workers=2)
    before, after = records_of(bare, schema), records_of(given, schema)
    assert len(before) == len(after) > 20
    key = "candid" if schema.startswith("ztf") else "diaSourceId"
    seen = 0
    for one, two in zip(before, after, strict=True):
        for name in CUTOUTS:
            field, expected = f"cutout{name}", stamp(name, one[key])
            assert one.pop(field) is None
            value = two.pop(field)
            if schema.startswith("ztf") and value is not None:
                assert value["fileName"].startswith(f"candid{one[key]}_")
                value = value["stampData"]
            assert value == (expected or None)
            seen += value is not None
        assert repr(one) == repr(two)
    assert seen > 20
    (left,), (right,) = (
        [b for _, b in read_batches(r, size=10**6, parts=["00-00000"])] for r in (bare, given)
    )
    assert repr(left.as_dict()) == repr(right.as_dict())


@pytest.mark.parametrize(
    "schema, cutouts, message",
    [
        ("elasticc_v0_9_1", stamps_of, "cutouts: expected a schema that carries them, got elasticc_v0_9_1"),
        ("ztf_v4_02", one_too_few, r"cutouts: Science: expected \d+ stamps, one an alert, got \d+"),
        ("ztf_v4_02", of_another_name, "cutouts: expected Science, Template, Difference, got 'science'"),
    ],
)
def test_stamps_that_do_not_fit_are_refused(schema: str, cutouts: Any, message: str, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", PARTS, visits=60, bands=("g", "r", "i"))
    with pytest.raises(InputError, match=message):
        prepare(run, schema=schema, cutouts=cutouts)
    assert not (run.path / "stream").exists()
