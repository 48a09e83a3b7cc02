"""What is written is read again, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from brokerbench.errors import InputError, TableError
from brokerbench.store import (
    Folder,
    atomic_write,
    read_column,
    read_columns,
    read_metadata,
    read_table,
    write_columns,
    write_table,
)
from brokerbench.tables import (
    NO_TIME,
    AlertBatch,
    Alerts,
    Classifications,
    Hosts,
    LightCurves,
    Rejects,
    TrueFluxes,
)


def light_curves() -> LightCurves:
    return LightCurves(
        offsets=np.array([0, 2, 2, 3, 3]),
        visit=np.arange(3, dtype="i4"),
        flux=np.array([1.5, np.nan, -2], "f4"),
        flux_err=np.ones(3, "f4"),
        detected=np.array([True, False, True]),
        flags=np.array([0, 1, 0], "u1"),
    )


def answers() -> Classifications:
    two = np.array([1, 2])
    return Classifications(
        alert_id=two,
        object_id=two,
        classifier=np.zeros(2, "i2"),
        sent=two,
        published=two,
        received=np.array([NO_TIME, 5]),
        claimed_publish=two,
        claimed_ingest=np.array([NO_TIME, NO_TIME]),
        probability=np.array([[0.25, 0.75], [np.nan, 1]], "f4"),
    )


def test_a_ragged_table_comes_back(tmp_path: Path) -> None:
    write_table(tmp_path / "a.parquet", light_curves())
    back = read_table(tmp_path / "a.parquet", LightCurves)
    for name, value in light_curves().as_dict().items():
        np.testing.assert_array_equal(getattr(back, name), value)
        assert getattr(back, name).dtype == value.dtype


def test_wide_columns_and_missing_times_come_back(tmp_path: Path) -> None:
    write_table(tmp_path / "a.parquet", answers(), metadata={"classes": "[1, 2]"})
    back = read_table(tmp_path / "a.parquet", Classifications)
    assert back.received.tolist() == [NO_TIME, 5]
    np.testing.assert_array_equal(back.probability, answers().probability)
    assert read_metadata(tmp_path / "a.parquet")["classes"] == "[1, 2]"


def test_one_column_comes_back_alone(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    write_table(file, answers())
    for name in ("received", "probability"):
        np.testing.assert_array_equal(read_column(file, Classifications, name), getattr(answers(), name))
    whole = pq.read_table(file)
    pq.write_table(whole.drop_columns(["received"]), file)
    with pytest.raises(InputError, match="expected a column 'received' in Classifications, got none"):
        read_column(file, Classifications, "received")


def test_absence_is_null_for_other_readers(tmp_path: Path) -> None:
    write_table(tmp_path / "a.parquet", light_curves())
    write_table(tmp_path / "b.parquet", answers())
    assert pq.read_table(tmp_path / "a.parquet")["flux"].null_count == 1
    assert pq.read_table(tmp_path / "b.parquet")["received"].null_count == 1
    assert pq.read_table(tmp_path / "a.parquet")["object"].to_pylist() == [0, 0, 2]


@pytest.mark.parametrize("kind", [Alerts, Hosts, LightCurves, TrueFluxes, Rejects])
def test_an_empty_table_comes_back(tmp_path: Path, kind: type) -> None:
    write_table(tmp_path / "a.parquet", kind.empty())
    assert len(read_table(tmp_path / "a.parquet", kind)) == 0


def test_text_comes_back(tmp_path: Path) -> None:
    table = Rejects(
        topic=np.array(["a"], object),
        partition=np.zeros(1, "i4"),
        offset=np.zeros(1, "i8"),
        reason=np.array(["orphan"], object),
        detail=np.array(["π"], object),
    )
    write_table(tmp_path / "a.parquet", table)
    assert read_table(tmp_path / "a.parquet", Rejects).detail.tolist() == ["π"]


def test_the_file_states_units(tmp_path: Path) -> None:
    write_table(tmp_path / "a.parquet", light_curves())
    about = json.loads(read_metadata(tmp_path / "a.parquet")["about"])
    assert about["columns"]["flux"] == {"dtype": "<f4", "unit": "nJy", "doc": "difference flux"}


def test_equal_tables_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_table(tmp_path / name, light_curves())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_another_table_is_an_error(tmp_path: Path) -> None:
    write_table(tmp_path / "a.parquet", light_curves())
    with pytest.raises(InputError, match="expected a Hosts table, got LightCurves"):
        read_table(tmp_path / "a.parquet", Hosts)


def test_another_version_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_table(tmp_path / "a.parquet", light_curves())
    monkeypatch.setattr(LightCurves, "schema_version", 2)
    with pytest.raises(InputError, match="expected LightCurves version 2 in format 1, got version 1"):
        read_table(tmp_path / "a.parquet", LightCurves)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a Parquet file, got nothing there"):
        read_table(tmp_path / "none.parquet", Alerts)
    with pytest.raises(InputError, match="expected a Parquet file, got nothing there"):
        read_metadata(tmp_path / "none.parquet")


def test_a_truncated_file_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    write_table(file, light_curves())
    file.write_bytes(file.read_bytes()[:-7])
    with pytest.raises(InputError, match="expected a whole Parquet file, got one that cannot be read"):
        read_table(file, LightCurves)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda t: t.drop_columns(["flux"]), "expected a column 'flux' in LightCurves, got none"),
        (
            lambda t: t.set_column(1, "visit", pa.array([1, None, 3], pa.int32())),
            "expected values, got 1 nulls",
        ),
        (lambda t: t.set_column(1, "visit", pa.array([1.5, 2, 3])), "visit: expected int32, got float64"),
    ],
)
def test_a_file_with_wrong_columns_is_an_error(tmp_path: Path, change, message: str) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "a.parquet"
    write_table(file, light_curves())
    read = pq.read_table(file)
    pq.write_table(change(read).replace_schema_metadata(read.schema.metadata), file)
    with pytest.raises(InputError, match=message):
        read_table(file, LightCurves)


def test_a_table_with_rows_and_items_is_not_stored(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="expected a ragged table of items alone"):
        write_table(tmp_path / "a.parquet", AlertBatch.empty())


def test_named_columns_come_back_with_their_units(tmp_path: Path) -> None:
    values = {"x1": np.array([1, np.nan], "f4"), "n": np.array([1, 2])}
    write_columns(tmp_path / "p.parquet", values, units={"x1": "", "n": ""})
    back, units = read_columns(tmp_path / "p.parquet")
    np.testing.assert_array_equal(back["x1"], values["x1"])
    assert units == {"x1": "", "n": ""}
    with pytest.raises(TableError, match="expected a unit for every column, got none for"):
        write_columns(tmp_path / "p.parquet", values, units={"x1": ""})
    write_table(tmp_path / "a.parquet", light_curves())
    with pytest.raises(InputError, match="expected named columns, got LightCurves"):
        read_columns(tmp_path / "a.parquet")


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def write_half() -> None:
        with atomic_write(tmp_path / "a", "w") as file:
            file.write("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_half()
    assert list(tmp_path.iterdir()) == []


def fill(path: Path, parts: list[str]) -> Folder:
    folder = Folder.begin(path, {"kind": "run", "seed": 1})
    for part in parts:
        if not folder.has(part):
            write_table(folder.file("light_curves", part), light_curves())
            folder.commit(part, [folder.file("light_curves", part)], objects=4)
    return folder


def test_a_folder_is_whole_or_not_there(tmp_path: Path) -> None:
    folder = fill(tmp_path / "run", ["00-00000"])
    assert not (tmp_path / "run").exists()
    done = folder.complete(sources=["agn"])
    assert done.parts == ["00-00000"]
    assert done.manifest["sources"] == ["agn"]
    assert len(Folder.open(tmp_path / "run", kind="run").read("light_curves", "00-00000", LightCurves)) == 4
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == ["light_curves", "manifest.json"]
    done.verify()


def test_files_that_are_no_part_are_in_the_manifest_all_the_same(tmp_path: Path) -> None:
    folder = fill(tmp_path / "run", ["00-00000"])
    write_table(folder.file("visits", "all"), light_curves())
    folder.commit("_visits", [folder.file("visits", "all")])
    done = folder.complete()
    assert done.parts == ["00-00000"]
    assert "visits/all.parquet" in done.manifest["files"]


def test_the_manifest_states_versions_and_units(tmp_path: Path) -> None:
    told = fill(tmp_path / "run", ["00-00000"]).complete().manifest["tables"]
    assert told["light_curves"]["kind"] == "LightCurves"
    assert told["light_curves"]["version"] == LightCurves.schema_version
    assert told["light_curves"]["units"]["flux"] == "nJy"


def test_a_folder_taken_up_again_has_the_same_bytes(tmp_path: Path) -> None:
    fill(tmp_path / "a", ["00-00000", "00-00001"]).complete()
    fill(tmp_path / "b", ["00-00001"])
    again = fill(tmp_path / "b", ["00-00000", "00-00001"])
    again.complete()
    one, two = ((tmp_path / n / "manifest.json").read_bytes() for n in "ab")
    assert one == two


def test_a_folder_of_another_configuration_is_started_anew(tmp_path: Path) -> None:
    fill(tmp_path / "a", ["00-00000"])
    folder = Folder.begin(tmp_path / "a", {"kind": "run", "seed": 2})
    assert not folder.has("00-00000")


def test_an_abandoned_folder_leaves_nothing_unless_it_holds_parts(tmp_path: Path) -> None:
    Folder.begin(tmp_path / "a", {}).abandon()
    assert list(tmp_path.iterdir()) == []
    fill(tmp_path / "b", ["00-00000"]).abandon()
    assert (tmp_path / "b.partial").is_dir()


def test_a_folder_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    fill(tmp_path / "a", []).complete()
    with pytest.raises(InputError, match="expected no such folder yet, got one"):
        Folder.begin(tmp_path / "a", {})


def test_changed_bytes_are_found(tmp_path: Path) -> None:
    folder = fill(tmp_path / "a", ["00-00000"]).complete()
    file = folder.file("light_curves", "00-00000")
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(InputError, match="expected the bytes that the manifest names, got others"):
        folder.verify()
    file.unlink()
    with pytest.raises(InputError, match="expected the file that the manifest names, got none"):
        folder.verify()


def test_opening_the_wrong_thing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a folder, got nothing there"):
        Folder.open(tmp_path / "none")
    (tmp_path / "x").mkdir()
    with pytest.raises(InputError, match="got one without manifest.json"):
        Folder.open(tmp_path / "x")
    fill(tmp_path / "a", []).complete()
    with pytest.raises(InputError, match="expected a ledger, got a run"):
        Folder.open(tmp_path / "a", kind="ledger")
    (tmp_path / "a" / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="expected a JSON manifest, got one that cannot be read"):
        _ = Folder(tmp_path / "a").manifest
