"""The settings of Hypothesis. HYPOTHESIS_PROFILE selects a profile: `quick` (default), `thorough` or `deep`.

profiles.py has the number of examples of each profile. CI uses `thorough`. `quick` and `thorough` are deterministic.
"""

import logging
import pathlib

import pytest
from hypothesis import HealthCheck, Phase, settings

from exporter.exposition import compressed
from tests.property.profiles import PROFILE

_HERE = pathlib.Path(__file__).parent
_EVERY = {
    "database": None,  # leave no directory behind
    "deadline": None,  # a slow example on a busy machine is not a failure
    "suppress_health_check": [HealthCheck.too_slow],
    "phases": [Phase.explicit, Phase.generate, Phase.shrink],  # no Phase.explain: it takes longer than all others
    "print_blob": True,
}

settings.register_profile("quick", derandomize=True, **_EVERY)
settings.register_profile("thorough", derandomize=True, **_EVERY)
settings.register_profile("deep", derandomize=False, **_EVERY)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """The deep profile has no timeout."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(0 if PROFILE == "deep" else 300))


@pytest.fixture(autouse=True, scope="module")
def _silence():
    """Disables logging: thousands of examples log, and capturing their log lines would make the tests slower."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True, scope="module")
def _small_groups():
    """A group has 2 objects instead of 128, so that blocks with changed and unchanged lines are tested."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(compressed, "_GROUP_SIZE", 2)
        yield
