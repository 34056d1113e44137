"""docs/reliability.md: the table of the causes that are made on a real control plane is that of the tests."""

import os

from exporter.diagnosis import CAUSES as EVERY
from tests.integration.causes.row import Row
from tests.integration.causes.table import FAULTS, HARMLESS, ROWS
from tests.integration.faults.page import CAUSES, put, table_in

HEAD = "| run | how it is made | cause | its evidence has | alert |\n|---|---|---|---|---|"


def line(row: Row) -> str:
    """Of one fault."""
    made = (row.make.__doc__ or "").splitlines()[0].removesuffix(".")
    words = f": {row.told}" if row.told else ""
    return f"| `{row.name}` | {made} | `{row.cause}` | {row.evidence} | `{row.alert.name}`{words} |"


def table() -> str:
    """All faults, and what is not among them."""
    seen = {row.cause for row in ROWS}
    others = ", ".join(f"`{cause}`" for cause in EVERY if cause not in seen)
    kinds = len({row.cause for row in FAULTS})
    words = f"{len(FAULTS)} faults with {kinds} causes; beside them, {len(HARMLESS)} runs of which nothing is said."
    return "\n".join([HEAD, *map(line, FAULTS), "", f"{words} No row has one of these causes first: {others}."])


def test_the_page_has_the_table_of_the_tests() -> None:
    """WRITE=1 writes it."""
    if os.environ.get("WRITE") == "1":
        put(CAUSES, table())
    assert table_in(CAUSES) == table()
