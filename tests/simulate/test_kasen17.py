"""Kilonovae of Kasen's grid against its files."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import sncosmo

from brokerbench.errors import ConfigError, InputError
from simulate import SOURCES, kasen17, templates
from simulate.fidelity.formulas import AB, bandpass
from simulate.generate import plan
from simulate.photometry import lsst
from simulate.rates import distance_modulus
from simulate.settings import Population
from tests.conftest import missing
from tests.simulate.scenes import scene, small_simulation

BLUE, RED = "knova_d1_n10_m0.025_vk0.30_Xlan1e-4.0.h5", "knova_d1_n10_m0.040_vk0.10_Xlan1e-2.0.h5"


@pytest.fixture(autouse=True)
def h5py() -> None:
    """The library that reads the files."""
    try:
        import h5py  # noqa: F401
    except ImportError:
        missing("the extra kilonova is not installed")


@pytest.mark.shared_data
@pytest.mark.parametrize("k, last", [(0, 8.5), (1, 22.0)])
def test_the_table_equals_sncosmos_integral_of_the_file(kasen17_dir: Path, k: int, last: float) -> None:
    """Error over band peak: 6e-3 at most at the times of the file, 2e-2 at the 99th percentile between.

    Spectra are Monte Carlo: a band's flux jumps by 1 or 2 % from one time to the next, where we take a
    cubic and sncosmo a straight line. To the day when photons run out.
    """
    import h5py

    path = kasen17_dir / (BLUE, RED)[k]
    with h5py.File(path) as file:
        days, nu, lum = file["time"][:].astype("f8") / 86400, file["nu"][:].astype("f8"), file["Lnu"][:]
    wave = 2.99792458e18 / nu[::-1]
    flux = (lum * nu**2)[:, ::-1] / 2.99792458e18 / (4 * np.pi * 3.0856775814913673e19**2)
    keep = (wave > 1500) & (wave < 20000)
    model = sncosmo.Model(
        sncosmo.TimeSeriesSource(days, wave[keep], flux[:, keep], zero_before=True, time_spline_degree=1)
    )
    rng = np.random.default_rng(2)
    z = rng.uniform(0.011, 0.28, 30)
    table = kasen17.table(kasen17_dir, lsst())
    errors, nodes = [], []
    for b in range(6):
        rest = np.sort(rng.uniform(0.3, last, 25))
        rest = np.sort(np.where(np.arange(25) % 5, rest, np.floor(rest / 0.1) * 0.1 + 0.05))
        of_file = np.abs((rest - 0.05) / 0.1 - np.round((rest - 0.05) / 0.1)) < 1e-6
        for at in z:
            seen = scene([at], 0.0, rest * (1 + at), np.full(25, b))
            ours = templates.template_flux(
                table, seen, amplitude=np.eye(2)[[k]], colour=np.zeros(1), stretch=np.full(1, 0.1)
            )
            model.set(z=at, t0=0.0, amplitude=1.0)
            band = bandpass(lsst().bands[b])
            theirs = AB * model.bandflux(band, seen.mjd, zp=31.4, zpsys="ab")
            peak = model.bandflux(band, np.arange(0.2, 20, 0.1) * (1 + at), zp=31.4, zpsys="ab").max()
            errors.append(np.abs(ours - theirs) / peak)
            nodes.append(errors[-1][of_file])
    error, node = np.concatenate(errors), np.concatenate(nodes)
    print(path.name, np.median(error), np.quantile(error, 0.99), error.max(), node.max())
    assert node.max() < 6e-3
    assert np.quantile(error, 0.99) < 2e-2


@pytest.mark.shared_data
def test_it_shines_as_at2017gfo_did(kasen17_dir: Path) -> None:
    """The sum of the two models that Kasen et al. 2017 give for it, at 40 Mpc.

    Villar et al. 2017: g 17.3 and r 17.1 at half a day (0.2 mag: the model is an average over angles), and
    by day 4 r below 20, more than 2 mag fainter than z.
    """
    source = SOURCES["kilonova_kasen17"]
    one = {
        "mass_blue": 0.025, "mass_red": 0.04, "velocity_blue": 0.3, "velocity_red": 0.1,
        "lanthanides_blue": -4.0, "lanthanides_red": -2.0,
    }  # fmt: skip
    seen = scene([0.0098], 0.0, [0.5, 0.5, 4.0, 4.0], [1, 2, 2, 4])
    assert abs(distance_modulus(np.array([0.0098]))[0] - 33.1) < 0.2
    light = source.light({n: np.full(1, v) for n, v in one.items()}, seen, np.random.default_rng(1))
    g, r, late_r, late_z = 31.4 - 2.5 * np.log10(light.flux)
    print(g, r, late_r, late_z)
    assert g == pytest.approx(17.3, abs=0.5)
    assert r == pytest.approx(17.1, abs=0.5)
    assert late_r > 19
    assert late_r - late_z > 0.5


@pytest.mark.shared_data
def test_after_the_files_end_light_decays_without_an_edge(kasen17_dir: Path) -> None:
    for name in (BLUE, RED):
        spectra = kasen17.load(kasen17_dir / name)
        wave = np.arange(5000.0, 18000.0, 20.0)
        light = spectra(np.arange(20.0, 399.0), wave)[0].sum(axis=1)
        step = light[1:] / light[:-1]
        assert step.min() > 0.8, name
        assert (light > 0).all()


def test_the_nearest_model_is_found() -> None:
    models = tuple(
        kasen17.Ejecta(Path("x"), *node) for node in [(0.01, 0.1, -2.0), (0.02, 0.3, -4.0), (0.04, 0.1, -2.0)]
    )
    index = kasen17.nearest(
        models, np.array([0.012, 0.02, 0.1]), np.array([0.1, 0.28, 0.1]), np.array([-2.0, -3.6, -2.0])
    )
    np.testing.assert_array_equal(index, [0, 1, 2])
    assert len(kasen17.nearest(models, np.zeros(0), np.zeros(0), np.zeros(0))) == 0


def test_missing_files_and_packages_are_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = small_simulation(population=[Population(source="kilonova_kasen17", count=1)])
    monkeypatch.delenv("KILONOVA_KASEN17_DIR", raising=False)
    with pytest.raises(InputError, match=r"KILONOVA_KASEN17_DIR: expected a folder with model files"):
        plan(simulation)
    with pytest.raises(InputError, match=r"expected files such as knova_d1.*, got none"):
        kasen17.grid(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(ConfigError, match=r"expected the package h5py, got none; install brokerbench\[kilo"):
        kasen17.load(tmp_path / BLUE)


def _no_file(path: Path) -> None:
    path.write_bytes(b"not HDF5")


def _other_shape(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file["time"], file["nu"], file["Lnu"] = np.arange(50.0), np.ones(3), np.ones((50, 4))


def _uneven(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file["time"], file["nu"], file["Lnu"] = np.arange(50.0) ** 2, np.ones(3), np.ones((50, 3))


@pytest.mark.parametrize("write", [_no_file, _other_shape, _uneven])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, write) -> None:  # type: ignore[no-untyped-def]
    write(tmp_path / BLUE)
    with pytest.raises(InputError, match=r"expected an HDF5 file with time \[s\], nu \[Hz\] and Lnu"):
        kasen17.load(tmp_path / BLUE)


def test_a_file_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kasen17, "LARGEST", 4)
    _other_shape(tmp_path / BLUE)
    with pytest.raises(InputError, match="expected an HDF5 file"):
        kasen17.load(tmp_path / BLUE)


@pytest.mark.shared_data
def test_a_grid_of_one_model_will_do(
    kasen17_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(kasen17_dir / BLUE, tmp_path / BLUE)
    monkeypatch.setenv("KILONOVA_KASEN17_DIR", str(tmp_path))
    source = SOURCES["kilonova_kasen17"]
    seen = scene([0.05], 0.0, [1.0], [2])
    drawn = dict.fromkeys(source.parameters, np.full(1, 0.03))
    assert source.light(drawn, seen, np.random.default_rng(1)).flux[0] > 0
