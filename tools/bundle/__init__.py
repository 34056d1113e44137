"""Generates manifests from the plain rule files, and packs releases of the rules."""
