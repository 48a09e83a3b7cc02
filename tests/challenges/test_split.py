"""A split puts every object in one half, whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brokerbench.errors import ConfigError
from brokerbench.store import Folder, read_columns, write_columns, write_table
from brokerbench.tables import DiaObjects, Hosts, LightCurves, Objects, TrueFluxes, Visits
from challenges.split import split


def filled(kind: type, n: int, **values: np.ndarray) -> object:
    """A table of n rows, zeros but for the given columns."""
    empty = kind.empty().as_dict()
    zeros = {name: np.zeros((n, *value.shape[1:]), value.dtype) for name, value in empty.items()}
    return kind(**{**zeros, **values})


@pytest.fixture
def run(tmp_path: Path) -> Folder:
    folder = Folder.begin(tmp_path / "whole", {"kind": "run", "seed": 4, "name": "w"})
    write_table(folder.file("visits", "all"), filled(Visits, 50))
    folder.commit("_visits", [folder.file("visits", "all")])
    first_id = 0
    for part, n in (("00-00000", 40), ("01-00000", 3)):
        ids = np.arange(first_id, first_id + n)
        first_id += n
        counts = np.arange(n) % 4
        offsets = np.concatenate([[0], np.cumsum(counts)])
        items = np.repeat(ids, counts)
        tables = {
            "truth/objects": filled(Objects, n, object_id=ids, class_id=np.full(n, 2222 + n, "i4")),
            "dia_objects": filled(DiaObjects, n, object_id=ids),
            "hosts": filled(Hosts, n, zphot=ids.astype("f4")),
            "hosts2": filled(Hosts, n),
            "light_curves": LightCurves(
                offsets=offsets,
                visit=np.zeros(len(items), "i4"),
                flux=items.astype("f4"),
                flux_err=np.ones(len(items), "f4"),
                detected=np.zeros(len(items), bool),
                flags=np.zeros(len(items), "u1"),
            ),
            "truth/light_curves": TrueFluxes(offsets=offsets, flux=items.astype("f4")),
        }
        files = []
        for name, table in tables.items():
            files.append(folder.file(name, part))
            write_table(files[-1], table)
        files.append(folder.file("truth/parameters", part))
        write_columns(files[-1], {"x1": ids.astype("f4")}, units={"x1": ""})
        folder.commit(part, files, objects=n, rows=len(items))
    return folder.complete()


def test_every_object_is_in_one_half_with_its_light_curve(run: Folder, tmp_path: Path) -> None:
    halves = split(run, 0.5, first=tmp_path / "a", second=tmp_path / "b", seed=1)
    seen = []
    for half in halves:
        assert half.manifest["kind"] == "run"
        assert half.manifest["seed"] == 4
        half.verify()
        for part in half.parts:
            objects = half.read("truth/objects", part, Objects)
            seen += objects.object_id.tolist()
            light = half.read("light_curves", part, LightCurves)
            owner = np.repeat(objects.object_id, np.diff(light.offsets))
            np.testing.assert_array_equal(light.flux, owner)
            np.testing.assert_array_equal(half.read("hosts", part, Hosts).zphot, objects.object_id)
            values, _ = read_columns(half.file("truth/parameters", part))
            np.testing.assert_array_equal(values["x1"], objects.object_id)
            assert half.manifest["parts"][part]["rows"] == len(light.flux)
    assert sorted(seen) == list(range(43))


def test_each_class_is_split_by_the_fraction(run: Folder, tmp_path: Path) -> None:
    first, _ = split(run, 0.25, first=tmp_path / "a", second=tmp_path / "b", seed=1)
    assert [len(first.read("truth/objects", p, Objects)) for p in first.parts] == [10, 1]


def test_a_split_depends_on_its_seed_alone(run: Folder, tmp_path: Path) -> None:
    a, _ = split(run, 0.5, first=tmp_path / "a", second=tmp_path / "a2", seed=1)
    b, _ = split(run, 0.5, first=tmp_path / "b", second=tmp_path / "b2", seed=1)
    c, _ = split(run, 0.5, first=tmp_path / "c", second=tmp_path / "c2", seed=2)
    assert (a.path / "manifest.json").read_bytes() == (b.path / "manifest.json").read_bytes()
    assert (a.path / "manifest.json").read_bytes() != (c.path / "manifest.json").read_bytes()


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0, float("nan")])
def test_a_fraction_outside_is_an_error(run: Folder, tmp_path: Path, fraction: float) -> None:
    with pytest.raises(ConfigError, match="expected a fraction between 0 and 1"):
        split(run, fraction, first=tmp_path / "a", second=tmp_path / "b", seed=1)
