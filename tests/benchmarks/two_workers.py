"""Wall seconds of one worker and of two, by turns, in a process as small as a user's; printed as JSON."""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path

from simulate import CadenceChoice, Population, Simulation, Survey, generate

SOURCES = ("sn_ia", "rr_lyrae", "agn", "kilonova")
ROUNDS = 3


def simulation(count: int) -> Simulation:
    """Three years of a wide survey with `count` objects of each of four classes."""
    cadence = CadenceChoice(use="synthetic_wfd", options={"years": 3.0, "fields": 60})
    population = [Population(source=name, count=count) for name in SOURCES]
    return Simulation(name="workers", seed=3, survey=Survey(cadence=cadence), population=population)


def seconds(sky: Simulation, folder: Path, workers: int) -> float:
    """Wall time of one run, whose files are removed."""
    start = time.perf_counter()
    generate(sky, folder, workers=workers)
    taken = time.perf_counter() - start
    shutil.rmtree(folder)
    return taken


def main(folder: Path, count: int) -> None:
    """Print {"1": [seconds ..], "2": [..]} of runs of 4 `count` objects."""
    seconds(simulation(10), folder, 1)  # kernels and tables are there
    taken: dict[str, list[float]] = {"1": [], "2": []}
    for _ in range(ROUNDS):
        for workers in taken:
            taken[workers].append(seconds(simulation(count), folder, int(workers)))
    print(json.dumps(taken))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
