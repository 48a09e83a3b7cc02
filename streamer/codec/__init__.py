"""Avro schemas compiled into encoders and decoders between columns and bytes."""

from streamer.codec.codec import Codec, Decoded, Encoder, Ranges, Spliced, compile_schema

__all__ = ["Codec", "Decoded", "Encoder", "Ranges", "Spliced", "compile_schema"]
