"""docs/reliability.md: its tables that tests write."""

import pathlib

__all__ = ["CAUSES", "FAULTS", "put", "table_in"]

FAULTS = "<!-- The table of faults: make integration WRITE=1 -->\n"
"""The table as the last whole run of `make integration` found it."""
CAUSES = "<!-- The table of causes: WRITE=1 pytest tests/integration/causes/test_page.py -->\n"
_PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "reliability.md"
_END = "<!-- End of the table. -->\n"


def put(begin: str, table: str) -> None:
    """Puts a table into the page after this line, in place of the one that is there."""
    head, _, rest = _text().partition(begin)
    tail = rest.partition(_END)[2]
    _PAGE.write_text(f"{head}{begin}\n{table}\n\n{_END}{tail}", encoding="utf-8")


def table_in(begin: str) -> str:
    """The table that is there after this line."""
    return _text().partition(begin)[2].partition(_END)[0].strip()


def _text() -> str:
    return _PAGE.read_text(encoding="utf-8")
