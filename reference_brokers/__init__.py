"""Brokers that come with brokerbench, to compare others with: each sees what any participant sees."""

from reference_brokers.adapters import ColumnBroker, FrameBroker, RecordBroker
from reference_brokers.check import Finding, check_broker
from reference_brokers.features import FEATURES, features
from reference_brokers.locus import FilterBroker
from reference_brokers.protocol import BROKERS, Broker, TrainableBroker, load_broker

__all__ = [
    "BROKERS",
    "FEATURES",
    "Broker",
    "ColumnBroker",
    "FilterBroker",
    "Finding",
    "FrameBroker",
    "RecordBroker",
    "TrainableBroker",
    "check_broker",
    "features",
    "load_broker",
]
