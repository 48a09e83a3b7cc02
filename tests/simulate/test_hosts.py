"""Host galaxies, offsets, and what a catalogue says of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from brokerbench.rng import stream
from simulate import HOSTS, association, galaxies, offsets
from simulate.galaxies import Galaxies
from simulate.rates import kpc_per_arcsec

NAMES = sorted(HOSTS)


def redshifts(n: int) -> np.ndarray:
    return 0.01 + 1.5 * np.random.default_rng(2).random(n)


def round_galaxies(n: int, **changes: float) -> Galaxies:
    values = {
        "z": 0.1, "log_mass": 10.5, "log_sfr": 0.0, "radius": 2.0, "axis_ratio": 1.0, "angle": 0.0,
        "bulge": 0.0,
    } | changes  # fmt: skip
    return Galaxies(**{k: np.full(n, v) for k, v in values.items()}, mag=np.full((n, 6), 20.0))


def test_there_are_host_populations() -> None:
    assert {"sn_ia", "agn", "kilonova"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [0, 1, 2000])
def test_hosts_are_galaxies_at_the_redshifts_asked_for(name: str, n: int) -> None:
    z = redshifts(n)
    hosts = HOSTS[name].draw(stream(1, "hosts"), z)
    np.testing.assert_array_equal(hosts.z, z)
    assert ((hosts.log_mass >= 7) & (hosts.log_mass <= 12)).all()
    assert np.isfinite(hosts.mag).all()
    assert (hosts.radius > 0).all()
    assert ((hosts.axis_ratio > 0) & (hosts.axis_ratio <= 1)).all()
    east, north = HOSTS[name].offsets(stream(2, "offsets"), hosts)
    assert east.shape == north.shape == (n,)
    assert np.isfinite(east).all()
    assert len(HOSTS[name].reference) > 10


def test_weights_are_what_the_population_says() -> None:
    """Sampling with weight w equals sampling all galaxies and reweighting by w."""
    everything = galaxies.HostPopulation(lambda m, s: np.ones_like(m), offsets.follow_light(), "all galaxies")
    weight = HOSTS["sn_ia"].weight
    z = np.full(60_000, 0.5)
    plain = everything.draw(stream(1, "a"), z)
    chosen = HOSTS["sn_ia"].draw(stream(1, "b"), z)
    w = weight(plain.log_mass, plain.log_sfr)
    mean = np.average(plain.log_mass, weights=w)
    spread = np.sqrt(np.average((plain.log_mass - mean) ** 2, weights=w))
    effective = w.sum() ** 2 / (w**2).sum()
    # cells are 0.1 dex wide: the weight is that of their middle
    assert chosen.log_mass.mean() == pytest.approx(mean, abs=4 * spread / np.sqrt(effective) + 0.02)


def test_disk_offsets_follow_an_exponential() -> None:
    """Half of the light lies within the half-light radius, 99 % within 3.96 of them."""
    east, north = offsets.follow_light()(np.random.default_rng(1), round_galaxies(50_000))
    r = np.hypot(east, north) / 2.0
    assert (r < 1).mean() == pytest.approx(0.5, abs=0.01)
    assert (r < 2.318).mean() == pytest.approx(0.9, abs=0.005)
    assert (r < 3.96).mean() == pytest.approx(0.99, abs=0.003)


def test_offsets_lie_along_the_major_axis() -> None:
    flat = round_galaxies(20_000, axis_ratio=0.3, angle=np.pi / 2)
    east, north = offsets.follow_light()(np.random.default_rng(1), flat)
    assert north.std() / east.std() == pytest.approx(1 / 0.3, rel=0.05)


def test_nuclear_transients_are_in_the_nucleus_and_kicked_ones_are_not() -> None:
    here = round_galaxies(20_000)
    nuclear = np.hypot(*offsets.nuclear(0.05)(np.random.default_rng(1), here))
    assert np.median(nuclear) == pytest.approx(0.05 * np.sqrt(2 * np.log(2)), rel=0.03)
    far = np.hypot(*offsets.log_normal_kpc(5.6, 0.5, 75.0)(np.random.default_rng(1), here))
    kpc = far * kpc_per_arcsec(here.z)
    assert np.median(kpc) == pytest.approx(5.6, rel=0.05)
    assert kpc.max() <= 75.0 + 1e-9
    remote = np.hypot(*offsets.remote()(np.random.default_rng(1), here))
    light = np.hypot(*offsets.follow_light()(np.random.default_rng(1), here))
    assert np.quantile(remote, 0.9) > 2 * np.quantile(light, 0.9)


def test_d_dlr_is_the_separation_over_the_radius_that_way() -> None:
    a, b = np.full(4, 2.0), np.full(4, 0.5)
    angle = np.radians([0.0, 0.0, 90.0, 30.0])
    east, north = np.array([2.0, 0.0, 2.0, np.cos(np.radians(30))]), np.array([0.0, 2.0, 0.0, 0.5])
    far = offsets.d_dlr(east, north, a=a, b=b, angle=angle)
    np.testing.assert_allclose(far, [1.0, 4.0, 4.0, 0.5], rtol=1e-12)
    # Gupta et al. 2016: DLR = a / sqrt((a/b sin t)^2 + cos^2 t)
    t = np.radians(37.0)
    dlr = 2.0 / np.sqrt((4 * np.sin(t)) ** 2 + np.cos(t) ** 2)
    ours = offsets.d_dlr(np.cos([t]), np.sin([t]), a=a[:1], b=b[:1], angle=np.zeros(1))
    assert ours[0] == pytest.approx(1 / dlr)


def catalogue(n: int, seed: int = 3, **changes: float):  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(seed)
    here = round_galaxies(n, **changes)
    ra, dec = rng.uniform(0, 360, n), rng.uniform(-60, 0, n)
    return (ra, dec, here, *association.associate(rng, ra, dec, here, (np.full(n, 0.4), np.full(n, 0.3))))


def test_the_nearest_galaxy_is_listed_where_it_is() -> None:
    ra, dec, here, hosts, hosts2, right = catalogue(5000)
    assert right.mean() > 0.9
    east = (ra - hosts.ra) * np.cos(np.radians(dec)) * 3600
    north = (dec - hosts.dec) * 3600
    east = (east + 648000) % 1296000 - 648000
    np.testing.assert_allclose(np.hypot(east, north), hosts.sep, atol=2e-3)
    np.testing.assert_allclose(hosts.sep[right], 0.5, atol=1e-5)
    assert np.isnan(hosts2.zphot).mean() > 0.5


def test_an_absent_galaxy_is_nan_in_every_column() -> None:
    *_, hosts, hosts2, _ = catalogue(2000)
    for table in (hosts, hosts2):
        absent = np.isnan(table.ra)
        assert absent.any() or table is hosts
        for name, values in table.as_dict().items():
            assert np.isnan(values[absent]).all(), name
        assert np.isfinite(table.zphot_q[~absent]).all()


def test_a_host_too_faint_to_see_is_missed_and_sometimes_mistaken() -> None:
    """What is then listed is a chance galaxy: as many as the field's density says."""
    n = 20_000
    rng = np.random.default_rng(1)
    faint = Galaxies(**(vars(round_galaxies(n)) | {"mag": np.full((n, 6), 28.0)}))
    hosts, _, right = association.associate(
        rng, np.full(n, 10.0), np.zeros(n), faint, (np.zeros(n), np.zeros(n))
    )
    assert not right.any()
    expected = 1 - np.exp(-np.pi * galaxies.FIELD_COVER * association.FARTHEST**2)
    assert np.isfinite(hosts.zphot).mean() == pytest.approx(expected, abs=0.015)


def test_the_field_covers_what_is_stated() -> None:
    """FIELD_COVER from the counts 46 x 10^(0.31 (i - 25)) per arcmin2 and the drawn sizes."""
    field = galaxies.field_galaxies(np.random.default_rng(1), 100_000)
    area = np.maximum(field.radius, association.SMALLEST) * np.maximum(
        field.radius * field.axis_ratio, association.SMALLEST
    )
    # drawn in proportion to area: the plain mean is the harmonic one
    mean = 1 / np.mean(1 / area)
    per_arcsec2 = 46 * 10 ** (0.31 * (galaxies.FIELD_LIMIT - 25)) / 3600
    assert per_arcsec2 * mean == pytest.approx(galaxies.FIELD_COVER, rel=0.15)


def test_photometric_redshifts_have_their_scatter_bias_and_quantiles() -> None:
    _, _, here, hosts, _, right = catalogue(20_000, z=0.5)
    error = (hosts.zphot[right] - 0.5) / 1.5
    core = np.abs(error) < 0.1
    assert 0.005 < (~core).mean() < 0.06
    assert np.median(error) == pytest.approx(0.003, abs=0.002)
    assert 0.015 < 1.4826 * np.median(np.abs(error - np.median(error))) < 0.035
    assert (np.diff(hosts.zphot_q[right], axis=1) >= 0).all()
    below = hosts.zphot_q[right][core] < 0.5
    share = below.mean(axis=0)[1:-1]  # calibrated: the truth lies above the q-quantile 1-q of the time
    np.testing.assert_allclose(share, 1 - np.arange(0.1, 0.95, 0.1), atol=0.08)


def test_bright_hosts_have_spectra_and_faint_ones_do_not() -> None:
    n = 4000
    rng = np.random.default_rng(1)
    for magnitude, low, high in ((17.0, 0.8, 1.0), (23.0, 0.0, 0.05)):
        here = Galaxies(**(vars(round_galaxies(n)) | {"mag": np.full((n, 6), magnitude)}))
        hosts, *_ = association.associate(
            rng, np.full(n, 10.0), np.zeros(n), here, (np.zeros(n), np.zeros(n))
        )
        assert low <= np.isfinite(hosts.zspec).mean() <= high


def test_no_galaxy_at_all() -> None:
    hosts = association.no_hosts(3)
    assert len(hosts) == 3
    assert all(np.isnan(values).all() for values in hosts.as_dict().values())


@pytest.mark.shared_data
def test_magnitudes_are_those_of_scotchs_hosts(shared_data: Path) -> None:
    """Star-forming hosts of the same redshift, mass and star formation: medians in griz within 0.5 mag.

    The catalogue's own scatter at fixed mass and star formation is 0.5 to 1.2 mag.
    """
    table = Table.read(shared_data / "07_hosts" / "scotch" / "scotch_host_data.fits")
    z, mass, sfr = (np.asarray(table[c], "f8") for c in ("z_host", "logMstar", "logSFR"))
    forming = (sfr - mass > -10.2) & (mass > 8)
    magnitude = galaxies._magnitudes(z, mass, galaxies._young_share(mass, sfr))
    theirs = np.column_stack([np.asarray(table[f"mag_{b}_host"], "f8") for b in "griz"])
    residual = (magnitude[:, 1:5] - theirs)[forming]
    assert forming.sum() > 200
    assert (np.abs(np.median(residual, axis=0)) < 0.5).all()


@pytest.mark.shared_data
def test_sizes_are_those_of_scotchs_hosts(shared_data: Path) -> None:
    """Half-light radii of the larger component at the same redshift and mass, within a factor of two."""
    table = Table.read(shared_data / "07_hosts" / "scotch" / "scotch_host_data.fits")
    z, mass, sfr = (np.asarray(table[c], "f8") for c in ("z_host", "logMstar", "logSFR"))
    ours = galaxies._galaxies(np.random.default_rng(1), z, mass, sfr).radius
    theirs = np.maximum(np.asarray(table["a0"]), np.asarray(table["a1"]))
    assert abs(np.median(np.log10(theirs / ours))) < 0.3


def test_the_kernel_interpolates_as_numpy_does() -> None:
    at = np.random.default_rng(1).uniform(5.0, 11.0, (300, 6))
    nodes = np.log(galaxies._WAVE)
    one, two = galaxies._spectra(at, nodes, galaxies._OLD, galaxies._YOUNG)
    np.testing.assert_allclose(one, np.interp(at, nodes, galaxies._OLD), rtol=1e-12)
    np.testing.assert_allclose(two, np.interp(at, nodes, galaxies._YOUNG), rtol=1e-12)


def hosts_of(name: str, z: float) -> tuple[Galaxies, np.ndarray]:
    """Hosts of a class at one redshift and the projected distances of its objects [kpc]."""
    rng = np.random.default_rng(7)
    chosen = HOSTS[name].draw(rng, np.full(8000, z))
    east, north = HOSTS[name].offsets(rng, chosen)
    return chosen, np.hypot(east, north) * kpc_per_arcsec(chosen.z)


def test_host_masses_are_in_the_order_that_is_observed() -> None:
    """Superluminous in dwarfs, core collapse in spirals, old progenitors in massive galaxies.

    Medians of log M: 8.3 SLSN-I, 9.6 SN II (Schulze et al. 2021), 10.3 SN Ia (Sullivan et al. 2006).
    """
    median = {name: float(np.median(hosts_of(name, 0.15)[0].log_mass)) for name in NAMES}
    assert 8.0 < median["dwarf"] < 9.2
    assert 9.0 < median["core_collapse"] < 10.2
    assert 9.8 < median["sn_ia"] < 10.6
    assert median["dwarf"] < median["core_collapse"] < median["stripped"] < median["metal_rich"]
    assert median["passive"] > median["sn_ia"]


def test_old_populations_are_in_passive_galaxies() -> None:
    for name, passive in (("passive", True), ("core_collapse", False)):
        galaxy, _ = hosts_of(name, 0.15)
        share = (galaxy.log_sfr - galaxy.log_mass < -11).mean()
        assert share > 0.6 if passive else share < 0.1


@pytest.mark.parametrize("z", [0.1, 0.2, 0.3])
def test_projected_offsets_of_type_ia_are_those_of_scotch(z: float) -> None:
    """SCOTCH: 1.66, 4.01 and 8.29 kpc at 25, 50 and 75 % (Lokken et al. 2023); within 12 %."""
    kpc = np.percentile(hosts_of("sn_ia", z)[1], (25, 50, 75))
    np.testing.assert_allclose(kpc, [1.66, 4.01, 8.29], rtol=0.12)


@pytest.mark.shared_data
def test_offsets_in_scotchs_galaxies_are_scotchs(shared_data: Path) -> None:
    """500 objects at the redshifts, masses and star formation of their own hosts; they are few: 16 %."""
    table = Table.read(shared_data / "07_hosts" / "scotch" / "scotch_host_data.fits")
    z, mass, sfr = (np.tile(np.asarray(table[c], "f8"), 20) for c in ("z_host", "logMstar", "logSFR"))
    ours = galaxies._galaxies(np.random.default_rng(1), z, mass, sfr)
    east, north = offsets.follow_light()(np.random.default_rng(2), ours)
    levels = (25, 50, 75)
    mine = np.percentile(np.hypot(east, north) * kpc_per_arcsec(z), levels)
    theirs = np.asarray(table["sep"], "f8") * kpc_per_arcsec(np.asarray(table["z_host"], "f8"))
    np.testing.assert_allclose(mine, np.percentile(theirs, levels), rtol=0.16)
    ratio = np.log10(np.asarray(table["a0"]) / ours.radius[: len(table)])
    assert abs(np.median(ratio)) < 0.1
    q = np.median(ours.axis_ratio)
    e = np.median(np.asarray(table["e"], "f8"))
    assert q == pytest.approx((1 - e) / (1 + e), abs=0.04)


def test_other_offsets_are_those_of_their_kind() -> None:
    assert np.median(hosts_of("tde", 0.3)[1]) < 0.5
    assert np.median(hosts_of("kilonova", 0.3)[1]) == pytest.approx(5.6, rel=0.06)
    assert np.mean(hosts_of("ca_rich", 0.05)[1] > 20) > 0.12
