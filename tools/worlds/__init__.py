"""Generates docs/worlds.md: scenarios of real objects, and the alerts and notifications that they cause."""
