"""Which objects get a spectrum: the biased sample that real classifiers are trained on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brokerbench.config import Config
from brokerbench.errors import ConfigError
from brokerbench.rng import stream
from brokerbench.store import Folder
from brokerbench.tables import LightCurves, Objects, Visits
from simulate.survey import triggered

__all__ = ["FollowUp", "chance", "spectroscopic_sample"]

Array = NDArray[np.float64]


class FollowUp(Config, frozen=True):
    """How likely a spectrum is, by the magnitude of the brightest detection.

    Half of the objects of magnitude `half` get one, few fainter than that: best / (1 + exp((m - half)
    / width)). `galactic`: the same chance for Galactic objects is multiplied by this.
    """

    half: float = 22.2
    """So that SNe Ia have the redshifts of PLAsTiCC's training set."""
    width: float = 0.45
    best: float = 0.9
    band: str = "i"
    galactic: float = 0.3
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.best <= 1 or not 0 <= self.galactic <= 1:
            raise ConfigError("follow_up: expected best and galactic between 0 and 1")
        if not self.width > 0:
            raise ConfigError(f"follow_up.width: expected more than 0, got {self.width}")


def chance(magnitude: Array, options: FollowUp) -> Array:
    """Probability f8[n] of a spectrum by magnitude f8[n]; 0 where it is NaN."""
    exponent = np.clip((magnitude - options.half) / options.width, -60, 60)
    return np.nan_to_num(options.best / (1 + np.exp(exponent)))


def spectroscopic_sample(run: Folder, options: FollowUp) -> NDArray[np.int64]:
    """Ids i8[k] of the objects of a run that get a spectrum, ascending; only objects that triggered.

    The magnitude is that of the brightest detected difference flux in `band`, so that the sample is
    brighter and nearer than the rest, as PLAsTiCC's was (Kessler et al. 2019 sec. 6.3). The draw is
    keyed by the object's id: it does not change with the other objects of the run.
    """
    manifest = run.manifest
    bands = manifest["bands"]
    if options.band not in bands:
        raise ConfigError(f"follow_up.band: expected one of {', '.join(bands)}, got {options.band!r}")
    index = bands.index(options.band)
    visits = run.read("visits", "all", Visits)
    chosen = []
    for part in run.parts:
        curves = run.read("light_curves", part, LightCurves)
        truth = run.read("truth/objects", part, Objects)
        row = np.repeat(np.arange(len(truth)), np.diff(curves.offsets))
        here = curves.detected & (visits.band[curves.visit] == index)
        brightest = np.zeros(len(truth))
        np.maximum.at(brightest, row[here], np.abs(curves.flux[here]))
        magnitude = np.full(len(truth), np.nan)
        lit = brightest > 0
        magnitude[lit] = 31.4 - 2.5 * np.log10(brightest[lit])
        likely = chance(magnitude, options) * np.where(np.isnan(truth.z), options.galactic, 1.0)
        take = triggered(manifest, curves, visits.mjd) & (_uniform(options.seed, truth.object_id) < likely)
        chosen.append(truth.object_id[take])
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, "i8")


def _uniform(seed: int, ids: NDArray[np.int64]) -> Array:
    """Numbers f8[n] in 0..1 that follow from the seed and each id alone (splitmix64)."""
    key = stream(seed, "spectroscopy").integers(0, 1 << 63, dtype=np.uint64)
    with np.errstate(over="ignore"):
        x = (ids.astype(np.uint64) ^ key) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return (x >> np.uint64(11)).astype("f8") / 2**53
