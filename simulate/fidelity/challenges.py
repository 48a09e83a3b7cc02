"""Classes against the simulations of the real challenges: ELAsTiCC's alerts, ELAsTiCC2's SNANA files."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.store import Folder, read_columns
from brokerbench.tables import LightCurves, Objects, Visits
from simulate.fidelity.comparison import Comparison
from simulate.fidelity.drawn import same_times
from simulate.generate import generate
from simulate.rates import distance_modulus
from simulate.readers import snana
from simulate.registries import SOURCES
from simulate.settings import CadenceChoice, Population, Simulation, Survey
from simulate.source import Place
from simulate.spectroscopy import FollowUp, spectroscopic_sample
from simulate.survey import triggered

__all__ = ["ALERTS", "TRAINING", "Seen", "elasticc", "flares", "seen", "survey_like", "training", "type_ib"]

Array = NDArray[np.float64]

ALERTS = (
    ("sn_ia", "classId=111", 1.2, (10,)),
    ("sn_ia_salt3", "classId=111", 1.2, (10,)),
    ("sn_ii", "classId=113", 0.9, (30, 31, 32)),
    ("sn_iin", "classId=113", 1.5, (35, 36)),
)
"""Class here, folder of ELAsTiCC's alerts, largest redshift that is simulated, GENTYPEs there."""
TRAINING = (("sn_ia", 90, 1.2), ("sn_ii", 42, 0.9), ("slsn_i", 95, 2.5))
"""Class here, PLAsTiCC's target, largest redshift that is simulated."""
SNANA = Path("05_challenge_data") / "elasticc2_snana_fits"


@dataclass(frozen=True, eq=False)
class Seen:
    """Objects of a run that triggered: values f8[n] of each.

    z; peak: magnitude in i at its brightest; snr_max; visits: of the season of the first detection, as SNANA
    keeps; detections; first_snr: of the first detection;
    quiet: f8[n, 2] magnitudes of the template in g and r, NaN for what was not there before.
    """

    z: Array
    peak: Array
    snr_max: Array
    visits: Array
    detections: Array
    first_snr: Array
    quiet: Array

    def by_alert(self, values: Array) -> Array:
        """Values repeated once a detection, as a file of alerts holds them."""
        return np.repeat(values, self.detections.astype("i8"))


def survey_like(data: Path, population: Population, *, least: int = 2) -> Simulation:
    """A wide survey like ELAsTiCC's: 3 years, its efficiencies and trigger of `least` detections.

    Its objects have 178 visits in a season (median), and 0.96 a day in the forced photometry of its alerts.
    """
    efficiency = data / "08_model_inputs" / "snana_lsst" / "LSST_SEARCHEFF_PIPELINE.DAT"
    cadence = CadenceChoice(
        use="synthetic_wfd", options={"years": 3.0, "fields": 100, "visits_per_year": 180}
    )
    survey = Survey(
        cadence=cadence,
        detection_efficiency=str(efficiency),
        min_detections=least,
        min_gap_days=0.021 if least > 1 else 0.0,
        template_visits=10,
        host_noise=True,
    )
    return Simulation(name="fidelity", seed=7, survey=survey, population=[population])


def seen(run: Folder) -> Seen:
    """What triggered in a run of one population."""
    manifest = run.manifest
    source = str(manifest["sources"][0])
    mjd = run.read("visits", "all", Visits).mjd
    pieces = []
    for part in run.parts:
        truth, curves = run.read("truth/objects", part, Objects), run.read("light_curves", part, LightCurves)
        row = np.repeat(np.arange(len(truth)), np.diff(curves.offsets))
        snr = np.nan_to_num(np.abs(curves.flux / curves.flux_err)).astype("f8")
        largest = np.zeros(len(truth))
        np.maximum.at(largest, row, snr)
        found = np.bincount(row[curves.detected], minlength=len(truth)).astype("f8")
        first = np.full(len(truth), np.nan)
        owner, where = np.unique(row[curves.detected], return_index=True)
        first[owner] = snr[curves.detected][where]
        peak, quiet = _brightness(run, part, truth, source)
        visits = _season(mjd[curves.visit], row, curves.detected, len(truth))
        columns = (truth.z.astype("f8"), peak, largest, visits, found, first)
        fired = triggered(manifest, curves, mjd)
        pieces.append([*(c[fired] for c in columns), quiet[fired]])
    return Seen(*(np.concatenate(column) for column in zip(*pieces, strict=True)))


def _season(mjd: Array, row: NDArray[np.int64], detected: NDArray[np.bool_], n: int) -> Array:
    """Visits f8[n] in the season of each object's first detection; NaN where there is none.

    mjd f8[R], row i8[R] the object, both ascending within an object. A season ends with 60 d of nothing.
    """
    new = np.ones(len(mjd), bool)
    new[1:] = (np.diff(row) != 0) | (np.diff(mjd) > 60)
    season = np.cumsum(new) - 1
    size = np.bincount(season)
    owner, where = np.unique(row[detected], return_index=True)
    visits = np.full(n, np.nan)
    visits[owner] = size[season[detected][where]]
    return visits


def _brightness(run: Folder, part: str, truth: Objects, source: str) -> tuple[Array, Array]:
    """Brightest magnitude in i f8[n], without Galactic dust, and quiet magnitudes in g and r f8[n, 2]."""
    n = len(truth)
    values, _ = read_columns(run.file("truth/parameters", part))
    z = np.nan_to_num(truth.z.astype("f8"))
    nan = np.full(n, np.nan)
    modulus = distance_modulus(np.maximum(z, 1e-6))
    days = np.arange(-40.0, 120.0, 4.0)
    scene = same_times(Place(z, modulus, np.full(n, 60000.0), nan, nan), days, 3)
    light = SOURCES[source].light(values, scene, np.random.default_rng(1))
    brightest = np.nanmax(light.flux.reshape(n, -1).astype("f8"), axis=1, initial=1e-9)
    quiet = np.full((n, 2), np.nan)
    if light.template is not None:
        quiet = 31.4 - 2.5 * np.log10(light.template[:, 1:3].astype("f8"))
    return 31.4 - 2.5 * np.log10(brightest), quiet


def elasticc(
    data: Path, path: Path, which: tuple[str, str, float, tuple[int, ...]], *, count: int
) -> list[Comparison]:
    """Redshift, peak, S/N, visits of alerts of ELAsTiCC; ours count as often as they were detected.

    The files hold alerts, so that an object is there as often as it was detected, at random; of each
    object one row is kept. path: of the run that is made.
    """
    import pandas as pd

    source, folder, z_max, gentypes = which
    files = sorted((data / "04_elasticc" / "fink_tutorials").rglob(f"{folder}/*.parquet"))
    columns = {
        "ZCMB": "redshift",
        "PEAKMAG_i": "peak in i [mag]",
        "SNRMAX": "largest S/N",
        "NOBS": "visits in the season",
    }
    wanted = ["SNID", "GENTYPE", "prvDiaSources", *columns]
    alerts = pd.concat([pd.read_parquet(f, columns=wanted) for f in files])
    alerts = alerts[alerts.GENTYPE.isin(gentypes)]
    before = alerts.prvDiaSources.map(lambda sources: 0 if sources is None else len(sources))
    real = alerts.drop_duplicates("SNID")
    population = Population(source=source, count=count, redshift=(0.02, z_max))
    ours = seen(generate(survey_like(data, population), path))
    mine = dict(zip(columns, (ours.z, ours.peak, ours.snr_max, ours.visits), strict=True))
    pairs = {what: (ours.by_alert(mine[name]), pd.to_numeric(real[name])) for name, what in columns.items()}
    pairs["detections before"] = np.concatenate([np.arange(k) for k in ours.detections]), before
    sample = f"{source}, ELAsTiCC"
    return [Comparison.of(sample, what, pair, log=what == "largest S/N") for what, pair in pairs.items()]


def training(data: Path, path: Path, *, count: int) -> list[Comparison]:
    """Redshifts of objects with spectra: PLAsTiCC's training set in its wide survey, truth unblinded."""
    import pandas as pd

    table = pd.read_csv(data / "05_challenge_data" / "plasticc" / "plasticc_train_metadata.csv")
    made = []
    for source, target, z_max in TRAINING:
        population = Population(source=source, count=count, redshift=(0.02, z_max))
        run = generate(survey_like(data, population), path / source)
        chosen = spectroscopic_sample(run, FollowUp())
        truth = [run.read("truth/objects", part, Objects) for part in run.parts]
        z, ids = (np.concatenate([getattr(t, name) for t in truth]) for name in ("z", "object_id"))
        real = table[(table.target == target) & (table.ddf_bool == 0)].true_z
        pair = (z[np.isin(ids, chosen)], real)
        made.append(Comparison.of(f"{source}, PLAsTiCC's training", "redshift with a spectrum", pair))
    return made


def read_snana(data: Path, pattern: str, path: Path) -> tuple[Folder, Array, Array, Array]:
    """A set of ELAsTiCC2 imported to `path`, with redshifts, detections and largest S/N of its objects."""
    (folder,) = (data / SNANA).glob(pattern)
    back = snana.READER.read([folder], path, seed=1, name="real")
    pieces = []
    for part in back.parts:
        c, z = back.read("light_curves", part, LightCurves), back.read("truth/objects", part, Objects).z
        snr = np.nan_to_num(np.abs(c.flux / c.flux_err))
        first = c.offsets[:-1]
        found = np.add.reduceat(c.detected.astype("i8"), first)
        pieces.append((z.astype("f8"), found, np.maximum.reduceat(snr, first)))
    z, found, snr = (np.concatenate(column) for column in zip(*pieces, strict=True))
    return back, z, found.astype("f8"), snr.astype("f8")


def type_ib(data: Path, path: Path, *, count: int) -> list[Comparison]:
    """SN Ib of ELAsTiCC2 with two detections."""
    _, z, found, snr = read_snana(data, "*SNIb*", path / "real")
    two = found >= 2
    population = Population(source="sn_ib", count=count, redshift=(0.02, 0.8))
    ours = seen(generate(survey_like(data, population), path / "ours"))
    pairs = {
        "redshift": (ours.z, z[two]),
        "largest S/N": (ours.snr_max, snr[two]),
        "detections": (ours.detections, found[two]),
    }
    return [
        Comparison.of("sn_ib, ELAsTiCC2", what, pair, log=what != "redshift") for what, pair in pairs.items()
    ]


def read_dump(data: Path) -> Any:
    """The table of SNANA about the M-dwarf flares of ELAsTiCC2."""
    import pandas as pd

    (dump,) = (data / SNANA).glob("*flare/*.DUMP")
    lines = [line for line in dump.read_text().splitlines() if line.startswith(("VARNAMES:", "SN:"))]
    return pd.read_csv(io.StringIO("\n".join(lines)), sep=r"\s+")


def flares(data: Path, path: Path, *, count: int) -> list[Comparison]:
    """S/N, detections and quiet stars of the 27 M-dwarf flares of ELAsTiCC2, one detection being enough."""
    real = read_dump(data)
    _, _, found, _ = read_snana(data, "*flare", path / "real")
    ours = seen(generate(survey_like(data, Population("mdwarf_flare", count=count), least=1), path / "ours"))
    above = real.SNRMAX[real.SNRMAX > 5]
    colour = real.PEAKMAG_g - real.PEAKMAG_r
    name = "mdwarf_flare, ELAsTiCC2"
    return [
        Comparison.of(
            name, "S/N of the first above 5", (ours.first_snr[ours.first_snr > 5], above), log=True
        ),
        Comparison.of(name, "largest S/N above 5", (ours.snr_max[ours.snr_max > 5], above), log=True),
        Comparison.of(name, "detections", (ours.detections, found)),
        Comparison.of(name, "r of the quiet star [mag]", (ours.quiet[:, 1], real.PEAKMAG_r)),
        Comparison.of(name, "g - r of the quiet star", (ours.quiet[:, 0] - ours.quiet[:, 1], colour)),
    ]
