"""Type Ia supernovae: Hsiao spectra, stretched and coloured, with the Tripp relation."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simulate import engines, spectra, templates
from simulate.draws import split_normal
from simulate.photometry import Passbands
from simulate.rates import PerVolumeYear
from simulate.scatter import chromatic_scatter
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source

Flux = NDArray[np.float32]

ALPHA, BETA = 0.14, 3.1
M_B = -19.365 + 0.27
"""For H0 = 70: SNANA's -19.365 and the 0.27 mag that it adds to the magnitudes of its SALT2 (MAG_OFFSET).

mB is -2.5 log10(x0) + 10.635. Betoule et al. 2014 fit -19.05 +- 0.02 in this convention, 0.05 mag fainter;
-19.365 alone would make them brighter than ZTF's.
"""
COHERENT = 0.09  # mag


def rate(z: Array) -> Array:
    """2.5e-5 (1+z)^1.5 to z = 1 (Dilday et al. 2008), 9.7e-5 (1+z)^-0.5 beyond (Hounsell et al. 2018)."""
    return np.where(z < 1, 2.5e-5 * (1 + z) ** 1.5, 9.7e-5 * (1 + z) ** -0.5)


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    x1 = split_normal(rng, n, peak=0.973, sigma=(1.472, 0.222), limits=(-3.0, 2.0))
    c = split_normal(rng, n, peak=-0.054, sigma=(0.043, 0.101), limits=(-0.3, 0.5))
    scatter = COHERENT * rng.standard_normal(n)
    absolute = M_B - ALPHA * x1 + BETA * c + scatter
    return {
        "x1": x1,
        "c": c,
        "scatter": scatter,
        "path": rng.integers(0, 1 << 52, n).astype("f8"),
        "mb": absolute + place.distance_modulus,
        "a_v": engines.host_extinction(rng, n),
    }


@lru_cache(maxsize=4)
def table(passbands: Passbands) -> templates.TemplateTable:
    grid = templates.Grid(z=(0.0, 1.7, 0.01), c=(-0.32, 0.52, 0.02))
    return templates.build(
        spectra.normal_ia(),
        spectra.salt_colour_law,
        passbands,
        grid,
        phases=np.arange(-20.0, 85.5),
        wavelengths=(1000.0, 25000.0),
    )


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    x1 = parameters["x1"]
    stretch = 0.98 + 0.091 * x1 + 0.003 * x1**2 - 0.00075 * x1**3  # Guy et al. 2007 sec. 5
    amplitude = 10 ** (-0.4 * parameters["mb"])
    flux = templates.template_flux(
        table(scene.passbands),
        scene,
        amplitude=amplitude[:, None],
        colour=parameters["c"],
        stretch=stretch,
    )
    return Light(reddened(flux, parameters, scene))


def reddened(flux: Flux, parameters: Parameters, scene: Scene) -> Flux:
    """Fluxes behind the host's dust, with the chromatic part of the intrinsic scatter."""
    magnitudes = chromatic_scatter(parameters["path"], scene.passbands, scene.z)
    factor = 10 ** (-0.4 * magnitudes)
    factor *= engines.host_dimming(scene.passbands, scene.z, parameters["a_v"])
    return flux * factor.astype("f4")[scene.row, scene.band]


SOURCE = Source(
    label="Variable/Non-Recurring/SN-like/Ia",
    class_id=2222,
    population=PerVolumeYear(rate),
    redshift=(0.011, 1.65),
    active=(50.0, 100.0),
    hosts="sn_ia",
    parameters={
        "x1": Parameter("", "SALT stretch"),
        "c": Parameter("mag", "SALT colour"),
        "scatter": Parameter("mag", "coherent intrinsic scatter"),
        "path": Parameter("", "number that the chromatic scatter follows from"),
        "mb": Parameter("mag", "SALT's mB at maximum, without dust of the host and the Milky Way"),
        "a_v": Parameter("mag", "extinction A_V in the host, beside what c holds"),
    },
    draw=draw,
    light=light,
    reference=(
        "Hsiao et al. 2007 (spectra); Tripp 1998, alpha 0.14, beta 3.1; x1 and c: Scolnic & Kessler 2016; "
        "brightness and peak colours: SALT3, Kenworthy et al. 2021; scatter like G10: Guy et al. 2010, "
        "Kessler et al. 2013; host dust: Wood-Vasey et al. 2007; rates: Dilday et al. 2008, "
        "Hounsell et al. 2018"
    ),
)
