"""Which measurements an alert carries."""

from __future__ import annotations

import numpy as np
import pytest

from brokerbench.tables import LightCurves
from streamer.history import FORCED_BEFORE, Trigger, histories
from tests.streamer.runs import make_light_curves, make_visits


def plain(
    lc: LightCurves, visits, count: int = 2, gap: float = 0.0
) -> list[tuple[int, list[int], list[int] | None]]:
    """The rule written out: (triggering item, items of earlier sources, items of forced sources)."""
    out = []
    for o in range(len(lc)):
        items = [
            i
            for i in range(lc.offsets[o], lc.offsets[o + 1])
            if np.isfinite(lc.flux[i]) and np.isfinite(lc.flux_err[i])
        ]
        items.sort(key=lambda i: visits.mjd[lc.visit[i]])
        found = [i for i in items if lc.detected[i]]
        if len({lc.visit[i] for i in found}) < count:
            continue
        if visits.mjd[lc.visit[found[-1]]] - visits.mjd[lc.visit[found[0]]] < gap:
            continue
        first = found[0]
        for k, i in enumerate(found):
            night = visits.night[lc.visit[i]]
            forced = None
            if night > visits.night[lc.visit[first]]:
                begin = visits.mjd[lc.visit[first]] - 30
                forced = [
                    j for j in items if visits.mjd[lc.visit[j]] >= begin and visits.night[lc.visit[j]] < night
                ]
            out.append((i, found[:k], forced))
    return out


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_histories_follow_the_rule_written_out(seed: int) -> None:
    visits = make_visits(150)
    lc = make_light_curves(20, 150, seed=seed)
    h = histories(lc, visits)
    expected = plain(lc, visits)
    assert len(expected) > 50
    assert any(f for _, _, f in expected)
    got = [
        (
            int(h.sources[k]),
            h.sources[h.first[k] : k].tolist(),
            h.measured[h.forced_start[k] : h.forced_stop[k]].tolist() if h.forced[k] else None,
        )
        for k in range(len(h.sources))
    ]
    assert got == expected


def test_histories_do_not_depend_on_the_order_of_visits_in_a_light_curve() -> None:
    visits = make_visits(120)
    lc = make_light_curves(8, 120, seed=5)
    rng = np.random.default_rng(3)
    mixed = np.concatenate(
        [lc.offsets[o] + rng.permutation(lc.offsets[o + 1] - lc.offsets[o]) for o in range(len(lc))]
    )
    names = ("visit", "flux", "flux_err", "detected", "flags")
    shuffled = LightCurves(offsets=lc.offsets, **{n: getattr(lc, n)[mixed] for n in names})
    a, b = histories(lc, visits), histories(shuffled, visits)
    assert (a.sources == mixed[b.sources]).all()
    assert (a.measured == mixed[b.measured]).all()
    for name in ("owner", "first", "forced_start", "forced_stop", "forced"):
        assert (getattr(a, name) == getattr(b, name)).all()


def test_forced_photometry_begins_thirty_days_before_the_first_detection() -> None:
    visits = make_visits(180, per_night=3)
    n = len(visits)
    detected = np.zeros(n, "?")
    detected[[150, 170]] = True
    lc = LightCurves(
        offsets=np.array([0, n]),
        visit=np.arange(n, dtype="i4"),
        flux=np.ones(n, "f4"),
        flux_err=np.ones(n, "f4"),
        detected=detected,
        flags=np.zeros(n, "u1"),
    )
    h = histories(lc, visits)
    assert h.forced.tolist() == [False, True]
    span = visits.mjd[h.measured[h.forced_start[1] : h.forced_stop[1]]]
    assert span[0] == visits.mjd[visits.mjd >= visits.mjd[150] - FORCED_BEFORE][0]
    assert span[-1] == visits.mjd[167]  # the last visit of the night before that of visit 170


def test_one_visit_seen_twice_does_not_pass_the_trigger() -> None:
    visits = make_visits(9)
    lc = LightCurves(
        offsets=np.array([0, 2, 4]),
        visit=np.array([4, 4, 4, 5], "i4"),
        flux=np.ones(4, "f4"),
        flux_err=np.ones(4, "f4"),
        detected=np.ones(4, "?"),
        flags=np.zeros(4, "u1"),
    )
    assert histories(lc, visits).owner.tolist() == [1, 1]


def test_no_objects_and_no_detections_make_no_alerts() -> None:
    visits = make_visits(9)
    assert len(histories(LightCurves.empty(), visits).sources) == 0
    lc = make_light_curves(3, 9, seed=1)
    dark = LightCurves(**{**lc.as_dict(), "detected": np.zeros(len(lc.visit), "?")})
    assert len(histories(dark, visits).measured) == 0


@pytest.mark.parametrize("count, gap", [(1, 0.0), (2, 0.0), (3, 0.0), (2, 4.0)])
def test_the_trigger_decides_which_objects_send_alerts(count: int, gap: float) -> None:
    visits = make_visits(80)
    lc = make_light_curves(60, 80, seed=5)
    got = histories(lc, visits, Trigger(count, gap)).sources.tolist()
    assert got == [i for i, _, _ in plain(lc, visits, count, gap)]
    assert got


def test_a_stricter_trigger_lets_fewer_objects_through() -> None:
    visits = make_visits(80)
    lc = make_light_curves(60, 80, seed=5)
    numbers = [
        len(np.unique(histories(lc, visits, t).owner)) for t in (Trigger(1), Trigger(2), Trigger(2, 4.0))
    ]
    assert numbers[0] > numbers[1] > numbers[2] > 0
