"""Generated files: they are written, or with `--check` only compared."""

import pathlib
import sys
from collections.abc import Iterable, Mapping

__all__ = ["update"]


def update(
    wanted: Mapping[pathlib.Path, str], *, root: pathlib.Path, check: bool, found: Iterable[pathlib.Path] = ()
) -> int:
    """Writes the files that differ, and removes those of `found` that are not wanted; gives the exit code.

    `check`: writes nothing, names the files with their paths below `root`, and gives 1 if there are any.
    """
    stale = {path: wanted.get(path) for path in sorted({*wanted, *found}) if _text(path) != wanted.get(path)}
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
    """None: there is no such file."""
    return path.read_text("utf-8") if path.exists() else None
