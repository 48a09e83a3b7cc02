"""Classifiers written for other brokers run here as they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from brokerbench.errors import InputError
from reference_brokers import ColumnBroker, FilterBroker, FrameBroker, RecordBroker, check_broker
from reference_brokers.adapters import frames_of
from reference_brokers.locus import Locus, LocusAlert, locus_of
from tests.reference_brokers.batches import make_batch, one_alert


@pytest.fixture(scope="module")
def batch():
    return make_batch(40, 3)[0]


def brightest(flux: np.ndarray) -> float:
    """A probability that grows with the largest flux."""
    return float(1 / (1 + np.exp(-(np.nanmax(flux) - 500) / 300)))


def by_record(record: dict) -> dict[int, float]:
    return {2222: brightest(record["flux"]), 2232: 0.0}


def by_frame(measurements: pd.DataFrame, context: pd.DataFrame) -> pd.DataFrame:
    score = measurements.groupby("alert_id")["flux"].agg(lambda f: brightest(f.to_numpy()))
    return pd.DataFrame({2222: score})


def by_columns(mjd: pd.Series, band: pd.Series, flux: pd.Series, err: pd.Series) -> pd.Series:
    assert all((np.diff(t) >= 0).all() for t in mjd)
    return flux.apply(brightest)


class Bright:
    """A filter as in ANTARES's devkit."""

    REQUIRED_TAGS: tuple[str, ...] = ()
    REQUIRED_LOCUS_PROPERTIES: tuple[str, ...] = ()

    def _run(self, locus: Locus) -> None:
        locus.set_property("score", brightest(locus.lightcurve["flux"].to_numpy()))
        locus.tag("bright")
        locus.tag("bright")


def of_locus(locus: Locus) -> dict[int, float]:
    assert locus.tags == ["bright"]
    return {2222: locus.properties["score"]}


ADAPTED = [
    RecordBroker("record", "1", (2222, 2232), by_record),
    FrameBroker("frame", "1", (2222,), by_frame),
    ColumnBroker("column", "1", (2222,), by_columns),
    FilterBroker("filter", "1", (2222,), Bright(), of_locus),
]


@pytest.mark.parametrize("broker", ADAPTED, ids=lambda b: b.name)
def test_an_adapted_classifier_is_a_broker_whose_rest_is_residual(broker, batch):
    assert broker.classes[-1] == 200
    given = broker.classify(batch)
    expected = [brightest(batch.flux[a:b]) for a, b in zip(batch.offsets, batch.offsets[1:], strict=False)]
    np.testing.assert_allclose(given[:, 0], expected, rtol=1e-5)
    np.testing.assert_allclose(given[:, -1], 1 - np.array(expected), atol=1e-5)
    assert [f for f in check_broker(broker, batch) if not f.kept] == []


@pytest.mark.parametrize(
    ("broker", "match"),
    [
        (RecordBroker("r", "1", (2222,), lambda record: {2224: 0.5}), "r: expected classes .*, got 2224"),
        (
            RecordBroker("r", "1", (2222,), lambda record: {2222: 1.5}),
            "r: expected probabilities between 0 and 1",
        ),
        (
            RecordBroker("r", "1", (2222,), lambda record: {2222: -0.1}),
            "r: expected probabilities between 0 and 1",
        ),
        (
            RecordBroker("r", "1", (2222,), lambda record: {2222: np.nan}),
            "expected probabilities between 0 and 1",
        ),
        (
            FrameBroker("f", "1", (2222,), lambda m, c: pd.DataFrame({2224: []})),
            r"f: expected classes .*\[2224\]",
        ),
        (
            ColumnBroker("c", "1", (2222,), lambda flux: [0.5], ("cpsFlux",)),
            "c: expected 40 scores, one an alert",
        ),
        (ColumnBroker("c", "1", (2222,), len, ("magpsf",)), "c: expected an argument among .*, got 'magpsf'"),
        (
            FilterBroker("a", "1", (2222,), object(), of_locus),
            r"a: expected a filter with run\(locus\), got object",
        ),
        (FilterBroker("a", "1", (2232,), Bright(), of_locus), "a: expected classes .*, got 2222; declare it"),
    ],
)
def test_an_answer_that_is_none_is_refused(broker, match, batch):
    with pytest.raises(InputError, match=match):
        broker.classify(batch)


def test_alerts_that_a_frame_leaves_out_are_residual(batch):
    broker = FrameBroker("f", "1", (2222,), lambda m, c: by_frame(m, c).iloc[:5])
    given = broker.classify(batch)
    assert (given[:, 0] > 0).sum() == 5
    assert (given[:, 1] == 1).sum() == 35


def test_frames_hold_every_measurement_and_every_alert(batch):
    measurements, context = frames_of(batch)
    assert len(measurements) == len(batch.mjd)
    assert context.index.tolist() == batch.alert_id.tolist()
    assert set("ugrizy") >= set(measurements["band"])
    np.testing.assert_array_equal(context["host_mag_r"], batch.host.mag[:, 2])


def test_a_scalar_column_can_be_an_argument(batch):
    broker = ColumnBroker("c", "1", (2222,), lambda dust: dust.clip(0, 1), ("mwebv",))
    np.testing.assert_allclose(broker.classify(batch)[:, 0], batch.mwebv, rtol=1e-6)


def test_a_visit_that_is_source_and_forced_comes_once():
    alert = one_alert(
        [60000.0, 60003.0, 59999.0, 60000.0], [10.0, 20.0, 1.0, 10.0], forced=[False, False, True, True]
    )
    seen = []
    ColumnBroker(
        "c", "1", (2222,), lambda t, f: seen.append((t[0], f[0])) or [0.5], ("cmidPointTai", "cpsFlux")
    ).classify(alert)
    np.testing.assert_array_equal(seen[0][0], [59999, 60000, 60003])
    np.testing.assert_array_equal(seen[0][1], [1, 10, 20])
    locus = locus_of(alert, 0)
    assert [a.mjd for a in locus.alerts] == [59999, 60000, 60003]
    assert locus.alert.properties["flux"] == 20
    assert not locus.alerts[1].properties["forced"]


def test_a_filter_is_not_shown_what_it_does_not_take(batch):
    class Picky(Bright):
        REQUIRED_LOCUS_PROPERTIES = ("z_final",)

    given = FilterBroker("p", "1", (2222,), Picky(), of_locus).classify(batch)
    np.testing.assert_array_equal(given[:, 0] > 0, np.isfinite(batch.z_final))
    Picky.REQUIRED_TAGS = ("never",)
    np.testing.assert_array_equal(FilterBroker("p", "1", (2222,), Picky(), of_locus).classify(batch)[:, 1], 1)


def test_a_locus_takes_text_and_numbers_alone():
    locus = Locus("1", 0.0, 0.0, [LocusAlert("1:0", 60000.0, {"flux": 1.0})])
    locus.set_property("n", np.int64(3))
    with pytest.raises(InputError, match="locus: expected text or a number for shape, got list"):
        locus.set_property("shape", [1, 2])
