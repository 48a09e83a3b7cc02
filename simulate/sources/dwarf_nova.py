"""Dwarf novae: outbursts of an accretion disk, again and again, and superoutbursts."""

import numpy as np

from simulate.draws import log_normal, truncated_normal
from simulate.outbursts import Outbursts, outburst_light
from simulate.rates import PerArea
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source
from simulate.stars import apparent, blackbody_colours


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    """Rarer outbursts are larger (Kukarkin-Parenago): WZ Sge stars 6 to 8 mag once in years."""
    n = len(place)
    recurrence = log_normal(rng, n, median=70.0, dex=0.55, limits=(10.0, 6000.0))
    amplitude = 2.3 + 1.7 * np.log10(recurrence / 20.0) + 0.6 * rng.standard_normal(n)
    return {
        "recurrence": recurrence,
        "amplitude": np.clip(amplitude, 1.5, 8.5),
        "plateau": log_normal(rng, n, median=3.5, dex=0.25, limits=(0.8, 15.0)),
        "decline": truncated_normal(rng, n, mean=0.75, sigma=0.2, limits=(0.3, 1.5)),
        "super_every": np.where(rng.random(n) < 0.55, rng.integers(3, 8, n), 1e6).astype("f8"),
        "mag_g": apparent(rng, n, slope=0.15, limits=(17.0, 25.0)),
        "temperature": truncated_normal(rng, n, mean=16000.0, sigma=3500.0, limits=(9000.0, 30000.0)),
        "path": rng.integers(0, 1 << 52, n).astype("f8"),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    p = parameters
    effective = scene.passbands.effective
    quiet = blackbody_colours(effective, np.full(len(scene), 7500.0), reference=4770.0)
    hot = blackbody_colours(effective, p["temperature"], reference=4770.0)
    bursts = Outbursts(
        path=p["path"],
        recurrence=p["recurrence"],
        plateau=p["plateau"],
        decline=p["decline"],
        super_every=p["super_every"],
        quiet=p["mag_g"][:, None] + quiet,
        bright=p["mag_g"][:, None] - p["amplitude"][:, None] + hot,
    )
    return outburst_light(bursts, scene)


SOURCE = Source(
    label="Variable/Non-Recurring/Fast/Dwarf Novae",
    class_id=2234,
    population=PerArea(0.4),
    parameters={
        "recurrence": Parameter("d", "mean time between outbursts"),
        "amplitude": Parameter("mag", "of a normal outburst in g"),
        "plateau": Parameter("d", "length of the flat top"),
        "decline": Parameter("mag/d", "rate of the decline"),
        "super_every": Parameter("", "every so manieth outburst is a superoutburst"),
        "mag_g": Parameter("mag", "g in quiescence, without Galactic dust"),
        "temperature": Parameter("K", "of the disk in outburst"),
        "path": Parameter("", "number that its outbursts follow from"),
    },
    draw=draw,
    light=light,
    reference="Otulakowska-Hypka et al. 2016 (amplitudes, recurrence, durations); Kato et al. 2017",
)
