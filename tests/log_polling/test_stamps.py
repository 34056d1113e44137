"""Time stamps of log lines: nine digits and any offset; a line without one is not the agent's."""

import pytest
from hypothesis import given, strategies as st

from exporter.log_polling.stamps import split_stamp

AT = 1_795_946_402 * 10**9  # 2026-11-29T10:00:02Z


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"2026-11-29T10:00:02.000000002Z text", (AT + 2, b"text")),
        (b"2026-11-29T12:00:02.000000002+02:00 text", (AT + 2, b"text")),
        (b"2026-11-29T04:30:02.123456789-05:30  indented", (AT + 123456789, b" indented")),
        (b"2026-11-29T10:00:02Z ", (AT, b"")),
        (b"2026-11-29T10:00:02.5Z \xff\x00\r", (AT + 500_000_000, b"\xff\x00\r")),
        (b"2026-11-29T10:00:02.000000002Z", None),
        (b"2026-13-29T10:00:02.000000002Z text", None),
        (b"2026-11-29T10:00:02.000000002+99:99 text", None),
        (b" 2026-11-29T10:00:02.000000002Z text", None),
        (b"unable to retrieve container logs for containerd://abc", None),
        (b"", None),
    ],
)
def test_a_stamp_is_nanoseconds_since_the_epoch(line, expected):
    """Without a valid one there is none."""
    assert split_stamp(line) == expected


@given(st.binary(max_size=60))
def test_no_bytes_are_an_error(text):
    """Whatever follows a stamp is the text, and whatever is no stamp is none."""
    split_stamp(text)
    assert split_stamp(b"2026-11-29T10:00:02.000000000Z " + text) == (AT, text)
