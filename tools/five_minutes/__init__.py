"""Runs the commands of docs/five-minutes.md, from an empty cluster to firing alerts."""
