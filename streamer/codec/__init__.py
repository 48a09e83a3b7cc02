"""Avro schemas compiled into encoders and decoders between columns and bytes."""

from streamer.codec.codec import Codec, compile_schema
from streamer.codec.columns import Decoded, Ranges, Spliced
from streamer.codec.encoding import Encoder

__all__ = ["Codec", "Decoded", "Encoder", "Ranges", "Spliced", "compile_schema"]
