"""What the tests of TLS begin with."""

import pytest

from tests.web.protected import Folder


@pytest.fixture
def folder(tmp_path):
    """A certificate, its key, its CA."""
    return Folder(tmp_path)
