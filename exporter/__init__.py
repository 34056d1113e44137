"""A Prometheus exporter that reports stuck agent runs on Kubernetes and their causes."""

__all__ = ["__version__"]

__version__ = "0.3.0"
