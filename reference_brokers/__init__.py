"""Brokers that come with brokerbench, to compare others with: each sees what any participant sees."""

from reference_brokers.features import FEATURES, features
from reference_brokers.protocol import BROKERS, Broker, TrainableBroker, load_broker

__all__ = ["BROKERS", "FEATURES", "Broker", "TrainableBroker", "features", "load_broker"]
