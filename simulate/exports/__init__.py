"""Formats that runs are written in for other people's readers; one file each, binding EXPORT."""
