"""The vocabulary that simulate, streamer, scoring, reference_brokers and challenges share."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("brokerbench")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
