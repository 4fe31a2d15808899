"""Version numbers, importable without any dependency."""

__version__ = "0.1.0"

#: Moves whenever the same scenario and seeds may give other numbers; written into provenance.
MODEL_VERSION = "3"
