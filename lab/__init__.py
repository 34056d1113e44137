"""What demo, tests, bench and tools share and users never get: servers to run against, and a platform that fails.

It imports the exporter. The exporter imports nothing of it, and neither wheel nor image contains it.
"""
