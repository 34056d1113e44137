"""The number of examples of the property tests: HYPOTHESIS_PROFILE is `quick` (default), `thorough` or `deep`.

CI uses `thorough`. `quick` and `thorough` are deterministic.
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
    "phases": [Phase.explicit, Phase.generate, Phase.shrink],  # explaining a failure takes longer than finding it
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
            item.add_marker(pytest.mark.timeout(0 if PROFILE == "deep" else 120))


@pytest.fixture(autouse=True, scope="module")
def _silence():
    """Disables logging: thousands of examples change states, and recording the log lines would take longer."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True, scope="module")
def _small_chunks():
    """A block contains two objects instead of 64, so that unchanged lines next to changed ones are tested."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(compressed, "_GROUP_SIZE", 2)
        yield
