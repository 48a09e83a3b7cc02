"""Tables hold what they declare."""

from __future__ import annotations

import dataclasses
import inspect

import numpy as np
import pytest

from brokerbench import tables
from brokerbench.errors import TableError
from brokerbench.table import column, columns, declared, items_of
from brokerbench.tables import (
    AlertBatch,
    Alerts,
    Hosts,
    LightCurves,
    Rejects,
    Table,
    TrueFluxes,
)

KINDS = [
    kind
    for _, kind in inspect.getmembers(tables, inspect.isclass)
    if issubclass(kind, Table) and kind is not Table
]


def alerts(n: int) -> Alerts:
    rows = np.arange(n, dtype="i8")
    return Alerts(alert_id=rows, object=rows * 2, row=rows * 3, publish=rows * 0.5)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_every_table_declares_dtype_unit_and_meaning(kind: type[Table]) -> None:
    assert KINDS
    assert columns(kind)
    for c in columns(kind):
        assert c.doc, f"{kind.__name__}.{c.name}"
        assert c.dtype.kind in "iufbO"
    assert set(declared(kind)) == {c.name for c in columns(kind)}


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_every_table_can_be_empty(kind: type[Table]) -> None:
    table = kind.empty(probability=3) if kind.__name__ == "Classifications" else kind.empty()
    assert len(table) == 0


def test_columns_are_read_only() -> None:
    table = alerts(3)
    with pytest.raises(ValueError, match="read-only"):
        table.row[0] = 5
    with pytest.raises(dataclasses.FrozenInstanceError):
        table.row = np.zeros(3, "i8")  # type: ignore[misc]


def test_take_and_concat_keep_rows() -> None:
    table = alerts(4)
    assert table.take(np.array([2, 0])).row.tolist() == [6, 0]
    assert table.take(table.row > 3).object.tolist() == [4, 6]
    assert Alerts.concat([table, alerts(2)]).row.tolist() == [0, 3, 6, 9, 0, 3]
    with pytest.raises(TableError, match="expected at least one table"):
        Alerts.concat([])


def test_ragged_tables_concat_their_offsets() -> None:
    one = TrueFluxes(offsets=np.array([0, 2, 2]), flux=np.ones(2, "f4"))
    two = TrueFluxes(offsets=np.array([0, 1]), flux=np.zeros(1, "f4"))
    both = TrueFluxes.concat([one, two])
    assert both.offsets.tolist() == [0, 2, 2, 3]
    assert len(both) == 3


def test_ragged_tables_are_taken_with_their_items() -> None:
    table = TrueFluxes(offsets=np.array([0, 2, 2, 5, 6]), flux=np.arange(6, dtype="f4"))
    some = table.take(np.array([2, 1, 0, 2]))
    assert some.offsets.tolist() == [0, 3, 3, 5, 8]
    assert some.flux.tolist() == [2, 3, 4, 0, 1, 2, 3, 4]
    assert table.take(np.array([False, True, False, True])).flux.tolist() == [5]
    none = table.take(np.zeros(0, "i8"))
    assert (len(none), len(none.flux)) == (0, 0)
    assert items_of(np.array([7, 3]), np.array([2, 0])).tolist() == [7, 8]


def test_nested_tables_are_taken_too() -> None:
    empty = AlertBatch.empty()
    assert len(empty.take(np.zeros(0, "i8")).host) == 0


@pytest.mark.parametrize(
    "change, message",
    [
        ({"row": np.arange(3, dtype="i4")}, "Alerts.row: expected a int64 array, got int32"),
        ({"row": [0, 1, 2]}, "Alerts.row: expected a int64 array, got list"),
        ({"row": np.zeros((3, 1), "i8")}, "Alerts.row: expected one dimension"),
        ({"row": np.arange(2, dtype="i8")}, "Alerts.row: expected 3 values, as many as alert_id, got 2"),
    ],
)
def test_a_wrong_column_is_an_error(change: dict[str, object], message: str) -> None:
    good = alerts(3).as_dict()
    with pytest.raises(TableError, match=message):
        Alerts(**{**good, **change})  # type: ignore[arg-type]


@pytest.mark.parametrize("offsets", [[1, 2], [0, 2, 1], []])
def test_wrong_offsets_are_an_error(offsets: list[int]) -> None:
    with pytest.raises(TableError, match="expected numbers that start at 0 and never fall"):
        TrueFluxes(offsets=np.array(offsets, "i8"), flux=np.ones(2, "f4"))


def test_offsets_of_another_type_are_an_error() -> None:
    with pytest.raises(TableError, match="expected an int64 array, got int32"):
        TrueFluxes(offsets=np.array([0], "i4"), flux=np.ones(0, "f4"))


def test_items_must_be_as_many_as_the_offsets_say() -> None:
    with pytest.raises(TableError, match="flux: expected 3 values, as the offsets say, got 2"):
        TrueFluxes(offsets=np.array([0, 3]), flux=np.ones(2, "f4"))


def test_a_wide_column_has_its_width() -> None:
    good = Hosts.empty().as_dict()
    with pytest.raises(TableError, match=r"Hosts.mag: expected shape \(n, 6\)"):
        Hosts(**{**good, "mag": np.empty((0, 5), "f4")})


def test_a_batch_needs_a_host_row_an_alert() -> None:
    empty = AlertBatch.empty().as_dict()
    one = {
        name: np.zeros(1, value.dtype)
        for name, value in empty.items()
        if name not in {"offsets", "mjd", "band", "flux", "flux_err", "forced"}
    }
    with pytest.raises(TableError, match="AlertBatch.host: expected 1 rows, got 0"):
        AlertBatch(**{**empty, **one, "offsets": np.array([0, 0])})


def test_a_batch_gives_records_on_demand() -> None:
    host = Hosts(
        **{
            name: np.full((2, *value.shape[1:]), 7, value.dtype)
            for name, value in Hosts.empty().as_dict().items()
        }
    )
    batch = AlertBatch(
        offsets=np.array([0, 2, 3]),
        alert_id=np.array([5, 6]),
        source_id=np.array([5, 6]),
        object_id=np.array([1, 1]),
        published=np.array([0, 0]),
        ra=np.zeros(2),
        dec=np.zeros(2),
        mwebv=np.zeros(2, "f4"),
        z_final=np.zeros(2, "f4"),
        z_final_err=np.zeros(2, "f4"),
        mjd=np.array([1.0, 2.0, 3.0]),
        band=np.zeros(3, "i1"),
        flux=np.ones(3, "f4"),
        flux_err=np.ones(3, "f4"),
        forced=np.zeros(3, bool),
        host=host,
        host2=host,
    )
    records = batch.as_records()
    assert [r["alert_id"] for r in records] == [5, 6]
    assert records[0]["mjd"].tolist() == [1.0, 2.0]
    assert records[1]["host"]["zphot"] == 7


def test_text_columns_hold_objects() -> None:
    assert Rejects.empty().reason.dtype == object


def test_a_column_can_be_declared_without_a_unit() -> None:
    assert column("f4", "", "x").metadata["unit"] == ""


def test_light_curves_have_one_row_an_object() -> None:
    assert len(LightCurves.empty()) == 0
