"""The variable sky: classes, hosts, surveys, and light curves that others made."""

from simulate.generate import generate
from simulate.registries import CADENCES, EXPORTS, HOSTS, READERS, SOURCES
from simulate.settings import CadenceChoice, Population, Simulation, Survey

__all__ = [
    "CADENCES",
    "EXPORTS",
    "HOSTS",
    "READERS",
    "SOURCES",
    "CadenceChoice",
    "Population",
    "Simulation",
    "Survey",
    "generate",
]
