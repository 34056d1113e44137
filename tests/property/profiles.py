"""How many examples a property is tried with."""

import os

from hypothesis import settings

__all__ = ["PROFILE", "examples"]

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "quick")
_FACTORS = {"quick": 0.25, "thorough": 1, "deep": 40}


def examples(count):
    """So many examples in the thorough profile, a quarter in the quick one, forty times as many in the deep one."""
    return settings(settings.get_profile(PROFILE), max_examples=round(count * _FACTORS[PROFILE]))
