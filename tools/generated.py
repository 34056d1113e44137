"""Writes generated files, or with `--check` only compares them."""

import pathlib
import sys
from collections.abc import Iterable, Mapping

__all__ = ["update"]


def update(
    files: Mapping[pathlib.Path, str], *, root: pathlib.Path, check: bool, existing: Iterable[pathlib.Path] = ()
) -> int:
    """Writes the files that differ, and removes the files in `existing` that are not in `files`. Returns 0.

    With `check`, writes nothing, prints the paths of these files relative to `root`, and returns 1 if there are any.
    """
    stale = {path: files.get(path) for path in sorted({*files, *existing}) if _text(path) != files.get(path)}
    for path, text in stale.items():
        if check:
            print(f"{path.relative_to(root)} is stale: run `make generate`", file=sys.stderr)
        elif text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return int(check and bool(stale))


def _text(path: pathlib.Path) -> str | None:
    """The content of a file; None if it does not exist."""
    return path.read_text("utf-8") if path.exists() else None
