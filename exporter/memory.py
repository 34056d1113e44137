"""Reads the memory limit of the container from cgroups.

Source: Linux, Documentation/admin-guide/cgroup-v2.rst (memory.max) and cgroup-v1/memory.rst (memory.limit_in_bytes).
"""

from pathlib import Path, PurePosixPath

__all__ = ["memory_limit"]

_NO_LIMIT = 1 << 50  # cgroup v1 writes "no limit" as a number of this size


def memory_limit(root: Path = Path("/")) -> int | None:
    """The limit in bytes; None if there is none or it cannot be read. `root` contains /proc and /sys."""
    found = [limit for folder, name in _limit_files(root) if (limit := _limit(folder / name)) is not None]
    return min(found, default=None)


def _limit_files(root: Path) -> list[tuple[Path, str]]:
    """The directory and file name of the limit of each cgroup: the cgroup of the process, and its parents."""
    files = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, own = rest.partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        base, name = ("memory", "memory.limit_in_bytes") if controllers else ("", "memory.max")
        folders = [PurePosixPath(own), *PurePosixPath(own).parents]
        files += [(root / "sys/fs/cgroup" / base / str(folder).lstrip("/"), name) for folder in folders]
    return files


def _limit(file: Path) -> int | None:
    text = _text(file).strip()
    return int(text) if text.isdecimal() and 0 < int(text) < _NO_LIMIT else None


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
