"""Kilonovae of the grid of Kasen et al. 2017 (files and h5py); `kilonova` needs neither."""

import os
from pathlib import Path

import numpy as np

from simulate import kasen17, templates
from simulate.draws import truncated_normal
from simulate.rates import PerVolumeYear, power_law
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source
from simulate.sources import kilonova

VARIABLE = "KILONOVA_KASEN17_DIR"


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    return kilonova.draw(rng, place) | {
        "lanthanides_blue": truncated_normal(rng, n, mean=-4.0, sigma=0.5, limits=(-5.0, -3.0)),
        "lanthanides_red": truncated_normal(rng, n, mean=-2.0, sigma=0.5, limits=(-3.0, -1.0)),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    """The sum of the two models nearest to the blue and to the red ejecta."""
    p = parameters
    folder = Path(os.environ.get(VARIABLE, ""))
    models = kasen17.grid(folder)
    distance = 10 ** (-0.4 * scene.distance_modulus)
    amplitude = np.zeros((len(scene), len(models)))
    for part in ("blue", "red"):
        index = kasen17.nearest(models, p[f"mass_{part}"], p[f"velocity_{part}"], p[f"lanthanides_{part}"])
        amplitude[np.arange(len(scene)), index] += distance
    return Light(
        templates.template_flux(
            kasen17.table(folder, scene.passbands),
            scene,
            amplitude=amplitude,
            colour=np.zeros(len(scene)),
            stretch=np.full(len(scene), kasen17.STEP),
            fade=(300.0, 400.0),  # steps: what is left after 40 d decays, never to an exact zero
        )
    )


SOURCE = Source(
    label="Variable/Non-Recurring/Fast/KN",
    class_id=2232,
    population=PerVolumeYear(power_law(3.2e-7, 0.0)),
    redshift=(0.011, 0.28),
    active=(1.0, 20.0),
    hosts="kilonova",
    parameters=kilonova.SOURCE.parameters
    | {
        "lanthanides_blue": Parameter("dex", "mass fraction of lanthanides in the blue ejecta"),
        "lanthanides_red": Parameter("dex", "mass fraction of lanthanides in the red ejecta"),
    },
    draw=draw,
    light=light,
    needs_files=(VARIABLE, ""),
    needs_package=("h5py", "kilonova"),
    reference="Kasen et al. 2017 (spectra, nearest of the grid); two ejecta after AT2017gfo, as kilonova",
)
