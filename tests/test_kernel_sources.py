"""Compiled kernels that are kept on disk follow every file they are made of."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from brokerbench.errors import InputError
from brokerbench.kernels import source_stamp

ROOMS = ("brokerbench", "simulate", "streamer", "scoring", "reference_brokers", "challenges")


def borrowed(text: str) -> dict[str, set[str]]:
    """Of each cached kernel in a source: the project's modules whose functions or constants it uses."""
    tree = ast.parse(text)
    origin = {
        alias.asname or alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in ROOMS
        for alias in node.names
    }
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any("njit" in ast.unparse(d) for d in node.decorator_list):
            names = {n.id for line in node.body for n in ast.walk(line) if isinstance(n, ast.Name)}
            arguments = {a.arg for a in node.args.args}
            found[node.name] = set() if "source" in arguments else {origin[n] for n in names & set(origin)}
    return found


def test_every_kernel_with_parts_from_other_files_is_kept_under_their_source(root: Path) -> None:
    kernels = {
        f"{file.relative_to(root)}:{name}": modules
        for room in ROOMS
        for file in sorted((root / room).rglob("*.py"))
        for name, modules in borrowed(file.read_text()).items()
    }
    assert "streamer/codec/kernels.py:decode" in kernels
    assert {name: modules for name, modules in kernels.items() if modules} == {}


def test_a_kernel_that_borrows_is_seen() -> None:
    text = "from streamer.x import F\n@numba.njit(cache=True)\ndef f(a{}):\n    return a + F\n"
    assert borrowed(text.format("")) == {"f": {"streamer.x"}}
    assert borrowed(text.format(", source=S")) == {"f": set()}


OUTER = """
import numba
from brokerbench.kernels import source_stamp
from inner import addend

@numba.njit(cache=True)
def add(number, source=source_stamp("inner")):
    return number + addend()

print(add(1), sum(add.stats.cache_hits.values()))
"""
INNER = "import numba\n\n@numba.njit\ndef addend():\n    return {}\n"


def test_a_kept_kernel_is_made_anew_when_a_file_it_borrows_from_changes(tmp_path: Path) -> None:
    (tmp_path / "outer.py").write_text(OUTER)
    paths = os.pathsep.join([str(tmp_path), *sys.path])
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": paths}
    said = []
    for number in (10, 10, 30, 10):
        (tmp_path / "inner.py").write_text(INNER.format(number))
        done = subprocess.run(
            [sys.executable, "-B", str(tmp_path / "outer.py")], env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        said.append(done.stdout.split())
    assert said == [["11", "0"], ["11", "1"], ["31", "0"], ["11", "1"]]


@pytest.mark.parametrize("name", ["no_such_module", "sys"])
def test_a_module_without_source_has_no_stamp(name: str) -> None:
    with pytest.raises(InputError, match=f"source_stamp: expected a module with source, got '{name}'"):
        source_stamp(name)
