"""A proxy between exporter and API server that makes the network or the server fail."""
