"""Test scenarios ("worlds"): sets of the platform's objects, and the alerts and notifications that they cause."""
