"""docs/validation.md and its figures, made from runs with fixed seeds and the folder of real data."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from brokerbench.errors import InputError
from brokerbench.store import atomic_write
from simulate import rates
from simulate.fidelity import challenges, figures, formulas, gallery, stars, supernovae, survey, words
from simulate.fidelity.comparison import Comparison, table
from simulate.instruments import ztf
from simulate.leaks import columns_without_physics, leak_score
from simulate.photometry import lsst
from simulate.rates import PerArea
from simulate.registries import SOURCES
from simulate.sources import sn_ia_salt3
from simulate.validation import pulls

__all__ = ["SECTIONS", "write"]

SALT3 = Path("sncosmo_data") / "models" / "salt3" / "salt3-f22"


class Place(NamedTuple):
    """Where things are: the real data, a folder for runs, the folder for figures."""

    data: Path
    scratch: Path
    figures: Path


def fluxes(at: Place) -> list[str]:
    """SALT3's tables against sncosmo."""
    passbands = {"LSST": lsst(), "ZTF": ztf()}
    errors = {
        name: formulas.salt_errors(bands, sn_ia_salt3.MODEL, n=400, seed=5)
        for name, bands in passbands.items()
    }
    figures.salt3(errors, {name: bands.names for name, bands in passbands.items()}, at.figures / "salt3.svg")
    lines = ["| survey | points | median | 99 % | largest |", "|---|---|---|---|---|"]
    for name, (error, _) in errors.items():
        middle, high = np.percentile(error, (50, 99))
        lines.append(f"| {name} | {len(error)} | {middle:.1e} | {high:.1e} | {error.max():.1e} |")
    return [*lines, "", _image("salt3", "Errors of SALT3's tables by band")]


def numbers(at: Place) -> list[str]:
    """Numbers and redshifts against the integral of the stated rates, distances by astropy."""
    from astropy.cosmology import FlatLambdaCDM

    cosmology = FlatLambdaCDM(H0=rates.H0, Om0=rates.OMEGA_M, Tcmb0=0.0)
    errors = formulas.number_errors(lambda z: cosmology.differential_comoving_volume(z).value)
    number, sigma = (np.array(column) for column in zip(*errors.values(), strict=True))
    source = SOURCES["sn_ia"]
    assert not isinstance(source.population, PerArea)
    assert source.redshift is not None
    low, high = source.redshift
    z = np.linspace(low, high, 400)
    plain = source.population.rate(z) * cosmology.differential_comoving_volume(z).value
    drawn = rates.redshifts(source.population, source.redshift, np.random.default_rng(1), 100_000)
    figures.numbers(z, np.stack([plain / (1 + z), plain]), drawn, at.figures / "redshifts.svg")
    return [
        f"{len(errors)} classes: largest error of a number {np.abs(number).max():.1e}; means of 100,000 "
        f"drawn redshifts off by {np.sqrt(np.mean(sigma**2)):.2f} standard errors (rms; 1 is expected), "
        f"at most {np.abs(sigma).max():.1f}.",
        "",
        _image("redshifts", "Redshifts of SN Ia drawn and integrated"),
    ]


def noise(at: Place) -> list[str]:
    """Pulls and leaks of a run of six classes."""
    run = survey.mixed_run(at.scratch / "mix")
    figures.pulls(survey.pull_values(run), at.figures / "pulls.svg")
    lines = ["| band | mean | standard deviation | measurements |", "|---|---|---|---|"]
    lines += [f"| {band} | {mean:+.4f} | {sigma:.4f} | {n} |" for band, mean, sigma, n in pulls(run)]
    leak = leak_score(*columns_without_physics(run), seed=1)
    return [
        *lines,
        "",
        _image("pulls", "Pulls and the unit normal"),
        "",
        f"Leaks: boosted trees that see ids, places, digits, seasons, numbers of visits and nulls of "
        f"{leak.objects} objects of {len(survey.MIX)} classes are right in {leak.accuracy:.3f} of cases; "
        f"chance is {leak.chance:.3f} ({leak.sigma:+.1f} sigma).",
    ]


def plans(at: Place) -> list[str]:
    """Depths and revisits of plans."""
    found = survey.cadences(at.data)
    figures.depths(found, survey.BANDS, at.figures / "depths.svg")
    compared = survey.revisit_comparisons(found)
    return [*survey.depths(found), "", _image("depths", "Depths by band"), "", *table(compared)]


def real_challenges(at: Place) -> list[str]:
    """ELAsTiCC and ELAsTiCC2."""
    made: list[Comparison] = []
    for k, which in enumerate(challenges.ALERTS):
        made += challenges.elasticc(at.data, at.scratch / f"elasticc{k}", which, count=20_000)
    made += challenges.type_ib(at.data, at.scratch / "ib", count=20_000)
    made += challenges.flares(at.data, at.scratch / "flares", count=40_000)
    made += challenges.training(at.data, at.scratch / "training", count=20_000)
    figures.comparisons(_shown(made), at.figures / "challenges.svg")
    return [*table(made), "", _image("challenges", "Cumulative distributions, simulated challenges")]


def real_sky(at: Place) -> list[str]:
    """BTS, Stripe 82, LINEAR, SCOTCH's hosts."""
    made = [*supernovae.bts(at.data, "sn_ia"), *supernovae.bts(at.data, "sn_ia_salt3")]
    made += [*stars.stripe82(at.data), *stars.linear(at.data), *stars.scotch(at.data)]
    figures.comparisons(_shown(made), at.figures / "samples.svg")
    return [*table(made), "", _image("samples", "Cumulative distributions, real samples")]


def light_curves(at: Place) -> list[str]:
    """A few objects of each class."""
    gallery.gallery(sorted(SOURCES), at.figures / "classes.png", gallery.real_light_curves(at.data))
    return ["![Light curves of every class](validation/classes.png)"]


SECTIONS: dict[str, Callable[[Place], list[str]]] = {
    "Fluxes": fluxes,
    "Numbers": numbers,
    "Noise and leaks": noise,
    "Observing plans": plans,
    "Simulated challenges": real_challenges,
    "Real samples": real_sky,
    "Light curves": light_curves,
}


def write(data: Path, docs: Path) -> None:
    """Write docs/validation.md and docs/validation/, from the folder of real data.

    The same at any time. SNCOSMO_DATA_DIR and KILONOVA_KASEN17_DIR must be set. Raises InputError where the
    data are not there.
    """
    if not (data / SALT3).is_dir():
        raise InputError(f"{data}: expected the folder of real data with {SALT3}, got none; see the docs")
    with TemporaryDirectory() as scratch:
        at = Place(data, Path(scratch), Path(scratch) / "validation")
        at.figures.mkdir()
        text = [words.OPENING]
        for title, section in SECTIONS.items():
            text += [f"## {title}", "", words.BEFORE[title], "", *section(at), "", words.AFTER[title], ""]
        text.append(words.CLOSING)
        shutil.rmtree(docs / "validation", ignore_errors=True)
        shutil.copytree(at.figures, docs / "validation")
        with atomic_write(docs / "validation.md", "w") as file:
            file.write("\n".join(text).replace("\n\n\n", "\n\n"))


def _shown(made: list[Comparison]) -> list[Comparison]:
    """What figures show: SALT3's curves lie on those of sn_ia."""
    return [c for c in made if not c.sample.startswith("sn_ia_salt3")]


def _image(name: str, caption: str) -> str:
    return f"![{caption}](validation/{name}.svg)"
