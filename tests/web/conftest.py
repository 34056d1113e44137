"""The fixture of the tests of TLS."""

import pytest

from tests.web.protected import Folder


@pytest.fixture
def folder(tmp_path):
    """A directory with a certificate, its key and its CA."""
    return Folder(tmp_path)
