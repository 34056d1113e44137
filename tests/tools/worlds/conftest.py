"""Fixtures that play all worlds and deliver their alerts once. A world is a set of objects and their history."""

from collections.abc import Sequence

import pytest

from lab.worlds.delivery import Delivered, delivered
from lab.worlds.outcomes import Outcome, outcomes


@pytest.fixture(scope="session")
def played() -> tuple[Outcome, ...]:
    """The outcome of each world, in the order of the table."""
    return outcomes()


@pytest.fixture(scope="session")
def notifications(
    played: tuple[Outcome, ...], tmp_path_factory: pytest.TempPathFactory
) -> Sequence[Sequence[Delivered]]:
    """The notifications of each world."""
    return delivered(played, folder=tmp_path_factory.mktemp("worlds"))
