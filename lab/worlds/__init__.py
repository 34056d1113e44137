"""Object sets of the platform, read by the exporter, and the alerts of the shipped rules for them."""
