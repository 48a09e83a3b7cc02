"""SALT light curves against sncosmo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sncosmo
from astropy.table import Table

from brokerbench.errors import InputError
from simulate import spectra, templates
from simulate.fidelity.formulas import AB, bandpass, random_supernovae, salt_errors
from simulate.generate import plan
from simulate.instruments import ztf
from simulate.photometry import Passbands, lsst
from simulate.settings import Population
from simulate.sources import sn_ia, sn_ia_salt2, sn_ia_salt3
from tests.simulate.scenes import scene, small_simulation


@pytest.mark.shared_data
@pytest.mark.parametrize("model", [sn_ia_salt3.MODEL, sn_ia_salt2.MODEL])
@pytest.mark.parametrize("passbands", [lsst(), ztf()], ids=["lsst", "ztf"])
def test_tables_of_salt_equal_sncosmo_to_a_thousandth_of_the_peak(
    sncosmo_data: Path, passbands: Passbands, model: str
) -> None:
    """Error over band peak: 2e-4 at the 99th percentile, 1e-3 at most; z to 1.2."""
    error, band = salt_errors(passbands, model, n=160, seed=5)
    assert len(error) > 1000
    assert len(set(band)) >= len(passbands) - 1  # SALT2 ends at 9200 A: no y but from afar
    assert np.quantile(error, 0.99) < 2e-4
    assert error.max() < 1e-3


@pytest.mark.shared_data
def test_the_exact_mode_equals_sncosmo(sncosmo_data: Path) -> None:
    seen, x1, c = random_supernovae(lsst(), 12, 6)
    salt = spectra.salt("salt3/salt3-f22")
    ours = templates.template_flux(
        sn_ia_salt3.table(lsst()), seen, amplitude=np.stack([np.ones_like(x1), x1], axis=1), colour=c,
        stretch=np.ones_like(x1),
    )  # fmt: skip
    exact = templates.exact_flux(
        salt.spectra, salt.colour_law, seen, amplitude=np.stack([np.ones_like(x1), x1], axis=1), colour=c
    )
    model = sncosmo.Model(source=sncosmo.SALT3Source(modeldir=str(sncosmo_data / "models/salt3/salt3-f22")))
    for k in range(len(seen)):
        model.set(z=seen.z[k], t0=0.0, x0=1.0, x1=x1[k], c=c[k])
        for i in np.flatnonzero((seen.row == k) & np.isfinite(ours)):
            theirs = model.bandflux(bandpass(lsst().bands[seen.band[i]]), seen.mjd[i], zp=31.4, zpsys="ab")
            assert exact[i] == pytest.approx(AB * theirs, rel=1e-6, abs=1e3)


@pytest.mark.shared_data
def test_bands_outside_the_model_have_no_flux(sncosmo_data: Path) -> None:
    """SALT3 ends at 2000 A: u (3100 A) has no flux beyond z = 0.55, i always has."""
    seen = scene([0.3, 0.7], 0.0, [0.0, 0.0], [0, 3])
    flux = templates.template_flux(
        sn_ia_salt3.table(lsst()), seen, amplitude=np.ones((2, 2)), colour=np.zeros(2), stretch=np.ones(2)
    )
    assert np.isfinite(flux).tolist() == [True, True, False, True]


@pytest.mark.shared_data
def test_salt2_is_read_too(sncosmo_data: Path) -> None:
    salt = spectra.salt("salt2/salt2-4")
    assert salt.phases == (-20.0, 50.0)
    with pytest.raises(InputError, match="expected the files of a SALT model"):
        spectra.salt("salt3/none")


def test_missing_files_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    population = [Population(source="sn_ia_salt3", count=1)]
    monkeypatch.delenv("SNCOSMO_DATA_DIR", raising=False)
    with pytest.raises(InputError, match="SNCOSMO_DATA_DIR: expected a folder with models/salt3"):
        plan(small_simulation(population=population))
    spectra.salt.cache_clear()
    with pytest.raises(InputError, match="SNCOSMO_DATA_DIR: expected the folder of sncosmo's data"):
        spectra.salt("salt3/salt3-f22")
    monkeypatch.setenv("SNCOSMO_DATA_DIR", str(tmp_path))
    with pytest.raises(InputError, match="for the class sn_ia_salt3, got"):
        plan(small_simulation(population=population))


@pytest.mark.shared_data
def test_both_models_of_type_ia_agree_at_maximum(sncosmo_data: Path) -> None:
    """Rest-frame U to I at x1 = c = 0, mB = 0: the Hsiao spectra are warped to SALT3's."""
    salt, here = spectra.salt(sn_ia_salt3.MODEL), np.zeros(1)
    x0 = 10 ** (0.4 * sn_ia_salt3.ZERO)
    for band in "UBVRI":
        ours = spectra.band_magnitude(lambda wave: spectra.normal_ia()(here, wave)[0, 0], band)
        theirs = spectra.band_magnitude(lambda wave: x0 * salt.spectra(here, wave)[0, 0], band)
        assert ours == pytest.approx(theirs, abs=0.01), band
        assert theirs == pytest.approx(spectra.SALT3_PEAK[band], abs=0.001), "the figure in the code"


@pytest.mark.shared_data
def test_snanas_type_ia_are_fainter_than_their_x0_by_what_we_add_to_its_absolute_magnitude(
    shared_data: Path, sncosmo_data: Path
) -> None:
    """Peak magnitudes of 200 SALT2 supernovae (no dust) against sncosmo's with the same x0, x1 and c."""
    folder = shared_data / "05_challenge_data" / "snana_fits" / "MLAG_HOSTLIB_ALLCLASS_NONIaMODEL0"
    (head,) = folder.glob("*HEAD.FITS*")
    table = Table.read(head, hdu=1)
    table = table[(table["SIM_REDSHIFT_HELIO"] > 0.1) & (table["SIM_REDSHIFT_HELIO"] < 0.6)]
    mu, x1, c = (np.asarray(table[f"SIM_{name}"], "f8") for name in ("DLMU", "SALT2x1", "SALT2c"))
    absolute = -2.5 * np.log10(table["SIM_SALT2x0"]) + sn_ia_salt3.ZERO - mu
    absolute += sn_ia.ALPHA * x1 - sn_ia.BETA * c
    np.testing.assert_allclose(absolute, -19.365, atol=1e-3)
    model = sncosmo.Model(source=sncosmo.SALT2Source(modeldir=str(sncosmo_data / "models/salt2/salt2-4")))
    difference = []
    for row in table:
        model.set(z=row["SIM_REDSHIFT_HELIO"], x0=row["SIM_SALT2x0"], x1=row["SIM_SALT2x1"])
        model.set(c=row["SIM_SALT2c"], t0=0.0)
        difference += [row[f"SIM_PEAKMAG_{b}"] - model.bandmag(f"lsst{b}", "ab", 0.0) for b in "ri"]
    assert len(difference) > 80
    assert np.median(difference) == pytest.approx(sn_ia.M_B + 19.365, abs=0.03)
