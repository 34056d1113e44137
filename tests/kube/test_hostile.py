"""Responses and objects that have crashed the exporter in the past."""

import msgspec
import pytest

from exporter.kube.decode import Decoder
from exporter.kube.errors import ServerError
from exporter.kube.responses import error_from_response
from exporter.reflector import Backoff
from tests.harness import CODERUN
from tests.objects import a_run, raw


@pytest.mark.parametrize("moment", ["253402300800", 253402300800, "1" * 400, 1e300])
def test_the_year_10000_affects_only_its_field(moment):
    """Msgspec raises a plain ValueError or an OverflowError for it."""
    run, is_valid = Decoder(CODERUN.reader.type).decode(raw(a_run(status={"phase": "Running", "lastUpdate": moment})))
    assert not is_valid
    read = CODERUN.reader
    assert (read.state(read.values(run)).value, read.finished(read.values(run))) == ("Running", None)


def test_a_deep_error_body_is_an_ordinary_error():
    """The decoder raises a RecursionError, which is handled."""
    body = b'{"x":' + b"[" * 30_000
    assert isinstance(error_from_response(500, {}, body, path="/p"), ServerError)


@pytest.mark.parametrize(
    "retry_after", ["Fri, 31 Dec 2020 23:59:59 +99999999999999999999", "Fri, 31 Dec 99999 23:59:59 GMT"]
)
def test_a_retry_after_date_out_of_range_is_ignored(retry_after):
    """The date parser may return any number or raise an error."""
    assert error_from_response(503, {"Retry-After": retry_after}, b"", path="/p").retry_after is None


def test_a_negative_retry_after_does_not_shorten_the_wait():
    """Otherwise the reflector would retry in a busy loop."""
    body = msgspec.json.encode({"details": {"retryAfterSeconds": -1000}})
    retry_after = error_from_response(503, {}, body, path="/p").retry_after
    assert Backoff(first=1.0, chance=lambda: 0.0).next(at_least=retry_after) == 0.5
