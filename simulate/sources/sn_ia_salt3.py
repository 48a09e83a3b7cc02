"""Type Ia supernovae from SALT3, with files (SNCOSMO_DATA_DIR); `sn_ia` needs none."""

from functools import lru_cache

import numpy as np

from simulate import spectra, templates
from simulate.photometry import Passbands
from simulate.rates import PerVolumeYear
from simulate.source import Generator, Light, Parameters, Scene, Source
from simulate.sources import sn_ia

MODEL = "salt3/salt3-f22"
ZERO = 10.635  # mB = -2.5 log10(x0) + ZERO (Guy et al. 2007; SNANA)


@lru_cache(maxsize=4)
def table(passbands: Passbands, model: str = MODEL) -> templates.TemplateTable:
    salt = spectra.salt(model)
    grid = templates.Grid(z=(0.0, 1.7, 0.0075), c=(-0.32, 0.52, 0.02))
    return templates.build(
        salt.spectra,
        salt.colour_law,
        passbands,
        grid,
        phases=np.arange(salt.phases[0], salt.phases[1] + 0.5),
        wavelengths=salt.wavelengths,
    )


def light(parameters: Parameters, scene: Scene, rng: Generator, *, model: str = MODEL) -> Light:
    x0 = 10 ** (-0.4 * (parameters["mb"] - ZERO))
    amplitude = np.stack([x0, x0 * parameters["x1"]], axis=1)
    flux = templates.template_flux(
        table(scene.passbands, model),
        scene,
        amplitude=amplitude,
        colour=parameters["c"],
        stretch=np.ones(len(scene)),
    )
    return Light(sn_ia.reddened(flux, parameters, scene))


SOURCE = Source(
    label="Variable/Non-Recurring/SN-like/Ia",
    class_id=2222,
    population=PerVolumeYear(sn_ia.rate),
    redshift=(0.011, 1.65),
    active=(50.0, 100.0),
    hosts="sn_ia",
    parameters=sn_ia.SOURCE.parameters,
    draw=sn_ia.draw,
    light=light,
    needs_files=("SNCOSMO_DATA_DIR", "models/salt3/salt3-f22"),
    reference="SALT3: Kenworthy et al. 2021 (salt3-f22); populations and rates as sn_ia",
)
