"""A certificate that does not verify."""

import pytest
import trustme

from lab.controlplane.platform_namespace import PlatformNamespace
from lab.faults.proxy import FaultProxy
from tests.integration.faults.changes import change
from tests.integration.faults.report import Report
from tests.integration.faults.subject import Subject
from tests.integration.faults.told import READ, one_line_each, until_counted

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def stranger() -> trustme.LeafCert:
    """The right address, by an authority that nobody trusts."""
    return trustme.CA(key_type=trustme.KeyType.RSA).issue_cert("127.0.0.1", key_type=trustme.KeyType.RSA)


@pytest.mark.fault("a certificate that does not verify")
def test_a_stranger_learns_nothing(
    platform: PlatformNamespace, proxy: FaultProxy, subject: Subject, report: Report, stranger: trustme.LeafCert
):
    """No request, and so no token, reaches him; the page at / says what is wrong with his certificate."""
    before = len(proxy.asked)
    with subject.enduring() as endured:
        proxy.show(stranger)
        proxy.cut()
        change(platform)
        until_counted(subject, dict.fromkeys(READ, "tls"), times=2)
        assert len(proxy.asked) == before
        assert subject.start_page().count("the API server's certificate does not verify") == len(READ)
        proxy.show(None)
        endured.mended()
    report.note(endured)
    assert one_line_each(endured)
