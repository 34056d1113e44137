"""A proxy between the exporter and the API server that injects faults of the network and the server."""
