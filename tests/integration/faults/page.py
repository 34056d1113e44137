"""docs/reliability.md: the table of faults, as the last whole run of `make integration` found it."""

import pathlib

__all__ = ["PAGE", "put"]

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "reliability.md"
_BEGIN, _END = "<!-- The table of faults: make integration WRITE=1 -->\n", "<!-- End of the table. -->\n"


def put(table: str) -> None:
    """Puts a table into the page, in place of the one that is there."""
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(_BEGIN)
    tail = rest.partition(_END)[2]
    PAGE.write_text(f"{head}{_BEGIN}\n{table}\n\n{_END}{tail}", encoding="utf-8")
