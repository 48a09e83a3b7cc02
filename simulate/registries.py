"""The folders whose files are entries: classes, cadences, host populations, readers."""

from brokerbench.registry import Registry

__all__ = ["CADENCES", "EXPORTS", "HOSTS", "READERS", "SOURCES"]

SOURCES = Registry(
    "simulate.sources",
    "SOURCE",
    needs=("label", "class_id", "galactic", "population", "parameters", "reference", "draw", "light"),
)
CADENCES = Registry("simulate.cadences", "CADENCE", needs=("options", "visits"))
HOSTS = Registry("simulate.hosts", "HOSTS", needs=("draw", "offsets", "reference"))
EXPORTS = Registry("simulate.exports", "EXPORT", needs=("write", "reference"))
READERS = Registry("simulate.readers", "READER", needs=("name", "read"))
