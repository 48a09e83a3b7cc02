"""The sample with spectra."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brokerbench.errors import ConfigError
from brokerbench.store import Folder
from brokerbench.tables import Objects
from simulate import Population, generate
from simulate.spectroscopy import FollowUp, chance, spectroscopic_sample
from tests.simulate.scenes import small_simulation


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    population = [
        Population(source="sn_ia", count=1500, redshift=(0.02, 0.5)),
        Population(source="rr_lyrae", count=200),
    ]
    return generate(small_simulation(population=population), tmp_path_factory.mktemp("follow") / "run")


def test_the_sample_is_nearer_than_the_rest(run: Folder) -> None:
    chosen = spectroscopic_sample(run, FollowUp())
    truth = run.read("truth/objects", "00-00000", Objects)
    triggered = run.manifest["parts"]["00-00000"]["triggered"]
    mine = np.isin(truth.object_id, chosen)
    assert 20 < mine.sum() < 0.7 * triggered
    assert np.median(truth.z[mine]) < 0.8 * np.median(truth.z)
    stars = run.read("truth/objects", "01-00000", Objects)
    assert 0.1 < np.isin(stars.object_id, chosen).mean() < 0.35


def test_chances_are_half_of_the_best_at_the_half_magnitude() -> None:
    options = FollowUp(half=21.0, width=0.5, best=0.8)
    got = chance(np.array([10.0, 21.0, 30.0, np.nan]), options)
    np.testing.assert_allclose(got, [0.8, 0.4, 0.0, 0.0], atol=1e-6)


def test_an_objects_draw_is_its_own(run: Folder, tmp_path: Path) -> None:
    """Objects of a smaller run are chosen as in the larger one."""
    population = [Population(source="sn_ia", count=1500, redshift=(0.02, 0.5))]
    alone = generate(small_simulation(population=population), tmp_path / "run")
    one, both = spectroscopic_sample(alone, FollowUp()), spectroscopic_sample(run, FollowUp())
    ids = alone.read("truth/objects", "00-00000", Objects).object_id
    np.testing.assert_array_equal(one, both[np.isin(both, ids)])
    assert not np.array_equal(one, spectroscopic_sample(alone, FollowUp(seed=2)))


def test_wrong_options_are_named(run: Folder) -> None:
    with pytest.raises(ConfigError, match="expected best and galactic between 0 and 1"):
        FollowUp(best=1.5)
    with pytest.raises(ConfigError, match=r"follow_up\.width: expected more than 0, got 0"):
        FollowUp(width=0.0)
    with pytest.raises(ConfigError, match=r"follow_up\.band: expected one of u, g, r, i, z, y, got 'q'"):
        spectroscopic_sample(run, FollowUp(band="q"))
