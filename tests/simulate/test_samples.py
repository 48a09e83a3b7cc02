"""Classes against real samples: ZTF's SNe Ia, RR Lyrae of Stripe 82, LINEAR's variables, ELAsTiCC2's flares.

Each test prints KS distance and medians, and holds them to factors that docs/validation.md explains.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from brokerbench.rng import stream
from brokerbench.tables import LightCurves
from simulate import READERS, SOURCES, dust, rates
from simulate.instruments import ztf
from simulate.source import Parameters, Place
from tests.simulate.scenes import scene
from tests.simulate.test_sources import place
from tests.simulate.test_validation import simulated


def compare(name: str, ours: np.ndarray, theirs: np.ndarray, *, distance: float, shift: float) -> None:
    """KS distance below `distance`; medians within `shift`."""
    ks = stats.ks_2samp(ours, theirs).statistic
    mine, real = np.median(ours), np.median(theirs)
    print(f"{name}: KS {ks:.3f}, medians {mine:.3f} {real:.3f}, n {len(ours)} {len(theirs)}")
    assert len(theirs) > 50, name
    assert ks < distance, name
    assert abs(mine - real) < shift, name


# Stripe 82


@pytest.mark.shared_data
def test_rr_lyrae_are_like_those_of_stripe_82(shared_data: Path) -> None:
    """Periods and amplitudes in g and r of the 483 stars of Sesar et al. 2010 table 2."""
    real = pd.read_csv(shared_data / "09_variability" / "astroML" / "table2.dat.gz", sep=" ")
    real = real.rename(columns={"#id": "id"})
    source = SOURCES["rr_lyrae"]
    drawn = source.draw(stream(1, "draw"), place(source, 6000))
    assert len(real) == 483
    share = (real.type == "ab").mean()
    assert drawn["ab"].mean() == pytest.approx(share, abs=0.04)
    for kind, limits in (("ab", (0.1, 0.1)), ("c", (0.16, 0.18))):
        mine = drawn["ab"] == (kind == "ab")
        theirs = real[real.type == kind]
        period, amplitude = drawn["period"][mine], drawn["amplitude"][mine]
        compare(f"{kind} period [d]", period, theirs.P.to_numpy(), distance=limits[0], shift=0.02)
        compare(f"{kind} g amplitude", amplitude, theirs.gA.to_numpy(), distance=limits[1], shift=0.06)


# LINEAR


def spread(source: str, drawn: Parameters, keep: np.ndarray) -> np.ndarray:
    """Size in r, 5 to 95 % of the light curve as LINEAR gives it, of the objects to keep."""
    one = {name: values[keep] for name, values in drawn.items()}
    n = int(keep.sum())
    # phases that no period has in common with another
    times = 60000 + np.sort(stream(3, "times").uniform(0, 2000, 250))
    nan = np.full(n, np.nan)
    here = Place(np.zeros(n), nan, np.full(n, 60000.0), nan, nan)
    light = SOURCES[source].light(one, scene(here.z, here.t0, times, np.full(250, 2)), stream(5, "light"))
    magnitude = -2.5 * np.log10(light.flux.reshape(n, 250).astype("f8"))
    low, high = np.percentile(magnitude, [5, 95], axis=1)
    return high - low


@pytest.mark.shared_data
@pytest.mark.parametrize(
    "code, name, kind, distances",
    [
        (1, "rr_lyrae", "ab", (0.08, 0.15)),
        (2, "rr_lyrae", "c", (0.08, 0.38)),
        (4, "eclipsing_binary", "ea", (0.4, 0.2)),
        (5, "eclipsing_binary", "ew", (0.22, 0.24)),
        (6, "delta_scuti", "", (0.45, 0.35)),
    ],
)
def test_variables_are_like_linears(
    shared_data: Path, code: int, name: str, kind: str, distances: tuple[float, float]
) -> None:
    """Periods and sizes by class of Palaversa et al. 2013."""
    path = shared_data / "09_variability" / "astroML" / "LINEARattributesFinalApr2013.dat.gz"
    table = np.loadtxt(path)
    table = table[table[:, 12] == code]
    source = SOURCES[name]
    drawn = source.draw(stream(1, "draw"), place(source, 4000))
    keep = np.ones(4000, bool)
    if kind in ("ab", "c"):
        keep = drawn["ab"] == (kind == "ab")
    elif kind:
        keep = drawn["ea"] == 1 if kind == "ea" else (drawn["ea"] == 0) & (drawn["eb"] == 0)
    period, size = np.log10(drawn["period"][keep]), spread(name, drawn, keep)
    compare(
        f"{name} {kind} log period",
        period,
        table[:, 6],
        distance=distances[0],
        shift=0.3 if kind == "ea" else 0.1,
    )
    theirs = table[:, 7]  # few are listed below 0.3 mag
    compare(f"{name} {kind} size", size[size > 0.3], theirs[theirs > 0.3], distance=distances[1], shift=0.1)


# ZTF


def bright_supernovae(name: str, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Magnitudes [n, band, night] in ZTF g and r, redshifts, nights, of SNe Ia to z = 0.15."""
    source = SOURCES[name]
    z = rates.redshifts(source.population, (0.011, 0.15), stream(3, "test place"), n)
    nan = np.full(n, np.nan)
    here = Place(z, rates.distance_modulus(z), np.zeros(n), nan, nan)
    drawn = source.draw(stream(4, "test parameters"), here)
    times = np.arange(-25.0, 60.0, 0.5)
    both = []
    for band in (0, 1):
        seen = scene(z, np.zeros(n), times, np.full(len(times), band), ztf(("g", "r")))
        flux = source.light(drawn, seen, stream(5, "test light")).flux.reshape(n, -1).astype("f8")
        both.append(31.4 - 2.5 * np.log10(np.maximum(flux, 1e-3)))
    return np.stack(both, axis=1), z, times


@pytest.mark.shared_data
@pytest.mark.parametrize(
    "name, distances", [("sn_ia", (0.16, 0.18, 0.27, 0.12)), ("sn_ia_salt3", (0.16, 0.18, 0.36, 0.12))]
)
def test_type_ia_supernovae_are_like_ztfs(
    shared_data: Path, sncosmo_data: Path, name: str, distances: tuple[float, ...]
) -> None:
    """Redshift, absolute magnitude, duration and colour at peak of BTS's SNe Ia brighter than 18.5."""
    folder = shared_data / "09_variability" / "ztf_bts_snia"
    real = pd.read_csv(folder / "bts.csv").dropna(subset=["A_V"])
    for column in ("peakmag", "peakabs", "duration", "redshift"):
        real[column] = pd.to_numeric(real[column], errors="coerce")
    real = real[(real.type == "SN Ia") & (real.peakmag < 18.5) & (real.redshift > 0.011)]
    magnitude, z, times = bright_supernovae(name, 12_000)
    a_v = stream(6, "dust").choice(real.A_V.to_numpy(), len(z))
    law = dust.odonnell94(ztf(("g", "r")).effective, 3.1)
    seen = magnitude + (a_v[:, None] * law)[:, :, None]
    # a band at random: BTS has the better sampled of the two
    band = stream(7, "band").integers(0, 2, len(z))
    at = np.arange(len(z))
    one = seen[at, band]
    curves = pd.read_parquet(folder / "light_curves.parquet")
    curves = curves.merge(real[["ZTFID", "peakt", "A_V"]], left_on="object", right_on="ZTFID")
    near = curves[np.abs(curves.time - (pd.to_numeric(curves.peakt) + 57999.5)) < 3]
    # as BTS: the brightest of points three days apart, with its errors, and redshifts with velocities
    rng = stream(8, "sparse")
    chosen = rng.integers(0, 6, len(z))[:, None] + 6 * np.arange(len(times) // 6 - 1)
    points = np.take_along_axis(one, chosen, axis=1)
    points += rng.choice(near.magerr.to_numpy(), chosen.shape) * rng.standard_normal(chosen.shape)
    z = (1 + z) * (1 + 300 / rates.LIGHT_KM * rng.standard_normal(len(z))) - 1
    peak = points.min(axis=1)
    bright = peak < 18.5
    absolute = peak - rates.distance_modulus(z) - a_v * law[band] + 2.5 * np.log10(1 + z)
    duration = (one < one.min(axis=1)[:, None] + 0.7526).sum(axis=1) * (times[1] - times[0])
    compare("z", z[bright], real.redshift.to_numpy(), distance=distances[0], shift=0.015)
    compare("peakabs", absolute[bright], real.peakabs.dropna().to_numpy(), distance=distances[1], shift=0.12)
    compare(
        "duration [d]", duration[bright], real.duration.dropna().to_numpy(), distance=distances[2], shift=3.0
    )
    # colour at peak, within 3 d of it, where both bands were seen
    mean = near.groupby(["object", "band"]).mag.mean().unstack()
    extinction = near.groupby("object").A_V.first()
    colour = (mean["g"] - mean["R"] - extinction * (law[0] - law[1])).dropna().to_numpy()
    top = np.argmin(magnitude[at, band], axis=1)
    ours = magnitude[at, 0, top] - magnitude[at, 1, top]
    compare("g - r at peak", ours[bright], colour, distance=distances[3], shift=0.04)


# ELAsTiCC2


@pytest.mark.shared_data
def test_flares_are_like_elasticc2s(shared_data: Path, tmp_path: Path) -> None:
    """S/N, detections, and the quiet stars of the 27 M-dwarf flares of ELAsTiCC2; medians, they are few."""
    folder = shared_data / "05_challenge_data" / "elasticc2_snana_fits"
    (dump,) = folder.glob("*flare/*.DUMP")
    lines = [line for line in dump.read_text().splitlines() if line.startswith(("VARNAMES:", "SN:"))]
    real = pd.read_csv(io.StringIO("\n".join(lines)), sep=r"\s+")
    assert len(real) == 27
    (files,) = folder.glob("*flare")
    back = READERS["snana"].read([files], tmp_path / "real", seed=1, name="real")
    pieces = [back.read("light_curves", part, LightCurves) for part in back.parts]
    found = np.concatenate([np.add.reduceat(c.detected, c.offsets[:-1]) for c in pieces])
    ours = simulated(shared_data, tmp_path, "mdwarf_flare", 20_000, least=1)
    assert np.median(found) == 1
    assert np.median(ours.detections) == 1
    mine, theirs = ours.snr_max[ours.snr_max > 5], real.SNRMAX[real.SNRMAX > 5]
    assert len(theirs) == 12
    source = SOURCES["mdwarf_flare"]
    drawn = source.draw(stream(1, "draw"), place(source, 2000))
    seen = scene(np.zeros(2000), 0.0, [60000.0], [1])
    quiet = 31.4 - 2.5 * np.log10(source.light(drawn, seen, stream(1, "x")).template)
    pairs = {
        "S/N max above 5": (np.log10(mine), np.log10(theirs), 0.4),
        "quiet r": (quiet[:, 2], real.PEAKMAG_r, 1.7),
        "quiet g - r": (quiet[:, 1] - quiet[:, 2], real.PEAKMAG_g - real.PEAKMAG_r, 0.3),
    }
    for name, (a, b, shift) in pairs.items():
        print(name, "KS", stats.ks_2samp(a, b).statistic, "medians", np.median(a), np.median(b))
        assert abs(np.median(a) - np.median(b)) < shift, name
