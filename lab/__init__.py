"""Code shared by the demo, the tests, the benchmarks and the tools: servers to run against, and a simulated platform.

It imports the exporter. The exporter does not import it, and neither the wheel nor the image contains it.
"""
