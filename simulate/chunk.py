"""One part: up to 4,096 objects of one population, from their places to their measured light curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from brokerbench.ids import permute, serial
from brokerbench.rng import stream
from brokerbench.tables import (
    FLAG_LEFT_OUT,
    FLAG_SATURATED,
    DiaObjects,
    Hosts,
    LightCurves,
    Objects,
    TrueFluxes,
)
from simulate import dust, rates
from simulate.association import associate, no_hosts
from simulate.detection import Efficiency, found
from simulate.galaxies import HostPopulation, surface_brightness
from simulate.noise import Cuts, Veil, VisitNoise, Where, measure
from simulate.photometry import Passbands
from simulate.settings import Population, Survey
from simulate.source import Light, Place, Scene, Source
from simulate.survey import Sky, triggers

__all__ = ["Chunk", "Stage", "make_chunk"]

Array = NDArray[np.float64]
Flux = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Stage:
    """All that the chunks of one population share."""

    seed: int
    number: int
    """Of the population."""
    population: Population
    source: Source
    hosts: HostPopulation | None
    survey: Survey
    sky: Sky
    passbands: Passbands
    noise: VisitNoise
    template_error: Flux
    """Error of the template in each band [nJy]."""
    saturation: Flux
    """Flux at which a point source saturates in each band [nJy]."""
    efficiency: Efficiency | None = None

    @property
    def redshift(self) -> tuple[float, float] | None:
        """Range of redshifts that are drawn."""
        return self.population.redshift or self.source.redshift


class Behind(NamedTuple):
    """What objects lie behind and in: E(B-V) f8[n] mag, and the light of their hosts (or None)."""

    ebv: Array
    surface: Array | None


@dataclass(frozen=True, eq=False)
class Chunk:
    """What one part holds, table by table."""

    objects: Objects
    dia_objects: DiaObjects
    hosts: Hosts
    hosts2: Hosts
    light_curves: LightCurves
    truth: TrueFluxes
    parameters: dict[str, Array]
    triggered: int


def make_chunk(stage: Stage, chunk: int, n: int) -> Chunk:
    """The objects 0 .. n of a chunk with their light curves.

    All random numbers come from streams named by the population's number and the chunk's.
    """
    source, path = stage.source, (stage.number, chunk)
    ids = serial(*path, np.arange(n))
    ra, dec = stage.sky.positions(stream(stage.seed, "places", *path), n)
    extinction = dust.ebv(ra, dec)
    place, hosts, hosts2, surface = _surroundings(stage, chunk, ra, dec)
    drawn = source.draw(stream(stage.seed, "parameters", *path), place)
    parameters = _override(drawn, stage.population)
    epochs = stage.sky.match(ra, dec)
    visits = stage.sky.visits
    scene = Scene(
        z=place.z,
        distance_modulus=place.distance_modulus,
        t0=place.t0,
        offsets=epochs.offsets,
        mjd=visits.mjd[epochs.visit],
        band=visits.band[epochs.visit],
        passbands=stage.passbands,
    )
    light = source.light(parameters, scene, stream(stage.seed, "light", *path))
    behind = Behind(extinction, surface)
    light_curves, truth = observe(stage, chunk, scene, light, visit=epochs.visit, behind=behind)
    fired = triggers(
        light_curves.detected,
        scene.mjd,
        epochs.offsets,
        count=stage.survey.min_detections,
        gap=stage.survey.min_gap_days,
    )
    if stage.survey.light_curves == "triggered":
        light_curves = _leave_out(light_curves, ~fired)
    object_id = permute(stage.seed, "object", ids)
    objects = Objects(
        object_id=object_id,
        source=np.full(n, stage.number, "i2"),
        class_id=np.full(n, source.class_id, "i4"),
        ra=ra,
        dec=dec,
        z=np.full(n, np.nan, "f4") if source.galactic else place.z.astype("f4"),
        t0=place.t0,
        ebv_mw=extinction.astype("f4"),
        host=np.full(n, -1, "i8") if source.galactic else permute(stage.seed, "host", ids),
    )
    dia = _seen(stage, chunk, objects, hosts)
    return Chunk(objects, dia, hosts, hosts2, light_curves, truth, parameters, int(fired.sum()))


def _surroundings(
    stage: Stage, chunk: int, ra: Array, dec: Array
) -> tuple[Place, Hosts, Hosts, Array | None]:
    """Redshifts and times of objects, their hosts as a catalogue has them, and the hosts' light.

    The last is the surface brightness under the objects f8[n, b] nJy/arcsec2, None where not asked for.
    """
    n = len(ra)
    source, path = stage.source, (stage.number, chunk)
    t0 = _reference_times(stage, stream(stage.seed, "times", *path), n)
    absent = np.full(n, np.nan)
    if source.galactic:
        place = Place(z=np.zeros(n), distance_modulus=absent, t0=t0, log_mass=absent, log_sfr=absent)
        return place, no_hosts(n), no_hosts(n), None
    assert stage.hosts is not None
    assert stage.redshift is not None
    assert not isinstance(source.population, rates.PerArea)
    z = rates.redshifts(source.population, stage.redshift, stream(stage.seed, "redshifts", *path), n)
    modulus = rates.distance_modulus(z)
    rng = stream(stage.seed, "sight lines", *path)
    modulus = modulus + rates.lensing(rng, z, stage.survey.lensing)
    velocity = stage.survey.peculiar_velocity * rng.standard_normal(n)
    z = np.maximum((1 + z) * (1 + velocity / rates.LIGHT_KM) - 1, 5e-4)  # never blueshifted
    rng = stream(stage.seed, "hosts", *path)
    galaxies = stage.hosts.draw(rng, z)
    place = Place(z, modulus, t0, galaxies.log_mass, galaxies.log_sfr)
    offsets = stage.hosts.offsets(rng, galaxies)
    hosts, hosts2, _ = associate(rng, ra, dec, galaxies, offsets)
    surface = None
    if stage.survey.host_noise:
        surface = surface_brightness(galaxies, *offsets, wave=stage.passbands.effective)
    return place, hosts, hosts2, surface


def _reference_times(stage: Stage, rng: np.random.Generator, n: int) -> Array:
    """t0 f8[n], uniform over `active_span`."""
    first, last = active_span(stage)
    return first + rng.random(n) * (last - first)


def active_span(stage: Stage) -> tuple[float, float]:
    """MJDs between which t0 is drawn: the survey's time and what a class shows before and after it."""
    mjd = stage.sky.visits.mjd
    before, after = stage.source.active
    return float(mjd[0] - after), float(mjd[-1] + before)


def _override(drawn: dict[str, Array], population: Population) -> dict[str, Array]:
    """The parameters with those fixed that the configuration fixes."""
    fixed = {name: np.full_like(drawn[name], value) for name, value in population.parameters.items()}
    return {**drawn, **fixed}


def observe(
    stage: Stage, chunk: int, scene: Scene, light: Light, *, visit: NDArray[np.int32], behind: Behind
) -> tuple[LightCurves, TrueFluxes]:
    """Measured light curves and their true difference fluxes, behind the Milky Way's dust."""
    path = (stage.number, chunk)
    size, shape = len(light.flux), (len(scene), len(stage.passbands))
    dim = 10 ** (-0.4 * behind.ebv[:, None] * dust.band_extinction(stage.passbands))
    shift = np.zeros(shape, "f4")
    if stage.survey.template_visits:
        shift = stream(stage.seed, "template", *path).standard_normal(shape, dtype="f4")
        shift *= stage.template_error
    surface = np.zeros(shape) if behind.surface is None else behind.surface
    normal = stream(stage.seed, "noise", *path).standard_normal(size, dtype="f4")
    seen = measure(
        light,
        Veil(dim.astype("f4"), surface.astype("f4"), shift),
        Where(scene.offsets, visit, scene.band, stage.noise),
        normal,
        Cuts(stage.template_error, stage.saturation, stage.survey.detection_snr),
    )
    detected = seen.detected
    if stage.efficiency:
        uniform = stream(stage.seed, "detection", *path).random(size, dtype="f4")
        saturated = seen.flags & FLAG_SATURATED > 0
        detected = found(seen.flux, seen.flux_err, scene.band, uniform, efficiency=stage.efficiency)
        detected &= ~saturated
    curves = LightCurves(scene.offsets, visit, seen.flux, seen.flux_err, detected, seen.flags)
    return curves, TrueFluxes(scene.offsets, seen.difference)


def _leave_out(curves: LightCurves, rows: NDArray[np.bool_]) -> LightCurves:
    """Light curves without the measurements of some objects bool[n].

    Their items stay, without a flux: alert ids follow from the place of an item, and are the same so.
    """
    items = np.repeat(rows, np.diff(curves.offsets))
    flux, error, flags = np.array(curves.flux), np.array(curves.flux_err), np.array(curves.flags)
    flux[items] = error[items] = np.nan
    flags[items] = FLAG_LEFT_OUT
    return LightCurves(curves.offsets, curves.visit, flux, error, curves.detected & ~items, flags)


def _seen(stage: Stage, chunk: int, objects: Objects, hosts: Hosts) -> DiaObjects:
    """What the survey knows of each object: position with its error, dust map, redshift of the host."""
    rng = stream(stage.seed, "survey view", stage.number, chunk)
    n = len(objects)
    east, north = 0.05 / 3600 * rng.standard_normal((2, n))
    error = dust.MAP_ERROR * objects.ebv_mw
    mwebv = np.maximum(objects.ebv_mw * (1 + dust.MAP_ERROR * rng.standard_normal(n)), 0.0)
    spectroscopic = np.isfinite(hosts.zspec)
    return DiaObjects(
        object_id=np.array(objects.object_id),
        ra=(objects.ra + east / np.cos(np.radians(objects.dec))) % 360.0,
        dec=objects.dec + north,
        mwebv=mwebv.astype("f4"),
        mwebv_err=error.astype("f4"),
        z_final=np.where(spectroscopic, hosts.zspec, hosts.zphot).astype("f4"),
        z_final_err=np.where(spectroscopic, hosts.zspec_err, hosts.zphot_err).astype("f4"),
    )


def parameter_units(source: Source) -> dict[str, str]:
    """Units of what `Source.draw` returns."""
    return {name: parameter.unit for name, parameter in source.parameters.items()}
