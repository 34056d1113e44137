"""Tells an operations team within minutes, and with the cause named, that an agent run is stuck."""

__all__ = ["__version__"]

__version__ = "0.3.0"
