"""The number of examples of the property tests."""

import os

from hypothesis import settings

__all__ = ["PROFILE", "examples"]

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "quick")
_FACTORS = {"quick": 0.25, "thorough": 1, "deep": 40}


def examples(count):
    """Settings for a test: `count` examples in the thorough profile, a quarter in quick, 40 times as many in deep."""
    return settings(settings.get_profile(PROFILE), max_examples=round(count * _FACTORS[PROFILE]))
