"""How many examples the properties are tested with: HYPOTHESIS_PROFILE is `quick` (default), `thorough` or `deep`.

CI uses `thorough`. The examples of `quick` and `thorough` are the same in each run.
"""

import logging
import pathlib

import pytest
from hypothesis import HealthCheck, Phase, settings

from exporter.exposition import compressed
from tests.property.profiles import PROFILE

_HERE = pathlib.Path(__file__).parent
_EVERY = {
    "database": None,  # no folder is left behind
    "deadline": None,  # a busy machine is no fault of the example
    "suppress_health_check": [HealthCheck.too_slow],
    "phases": [Phase.explicit, Phase.generate, Phase.shrink],  # to explain takes longer than to find
    "print_blob": True,
}

settings.register_profile("quick", derandomize=True, **_EVERY)
settings.register_profile("thorough", derandomize=True, **_EVERY)
settings.register_profile("deep", derandomize=False, **_EVERY)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """The deep profile takes as long as it takes."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(0 if PROFILE == "deep" else 120))


@pytest.fixture(autouse=True, scope="module")
def _silence():
    """Thousands of examples change the state of thousands of feeds: nobody reads that, and keeping it costs more."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True, scope="module")
def _small_chunks():
    """Two objects share a block of lines, and not 64: what nobody touches stays as it was, and shows that it did."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(compressed, "_GROUP_SIZE", 2)
        yield
