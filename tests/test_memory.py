"""Reads the memory limit of the container."""

import pytest

from exporter.memory import memory_limit


def a_root(folder, cgroup, **files):
    """Creates a directory with these files of /proc and /sys."""
    for name, text in {"proc/self/cgroup": cgroup, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


V2 = "sys/fs/cgroup/{}memory.max"
V1 = "sys/fs/cgroup/memory/{}memory.limit_in_bytes"


@pytest.mark.parametrize(
    ("cgroup", "files", "limit"),
    [
        ("0::/\n", {V2.format(""): "268435456\n"}, 268435456),
        ("0::/\n", {V2.format(""): "max\n"}, None),
        ("0::/\n", {}, None),
        ("", {V2.format(""): "5"}, None),
        ("0::/a/b\n", {V2.format("a/b/"): "max", V2.format("a/"): "1000000"}, 1000000),
        ("0::/a/b\n", {V2.format("a/b/"): "900", V2.format("a/"): "1000"}, 900),
        ("0::/../a\n", {V2.format(""): "77"}, 77),
        ("5:cpu,memory:/k\n0::/\n", {V1.format("k/"): "300", V1.format(""): "9223372036854771712"}, 300),
        ("5:cpu:/k\n6:memory:/\n", {V1.format(""): "400"}, 400),
        ("6:memory:/\n", {V1.format(""): "9223372036854771712"}, None),
        ("0::/\n", {V2.format(""): "0"}, None),
        ("0::/\n", {V2.format(""): "many"}, None),
    ],
)
def test_the_smallest_limit_applies(tmp_path, cgroup, files, limit):
    """Limits of cgroup v1 and v2, of the container and of its parents, are read. Invalid text is no limit."""
    assert memory_limit(a_root(tmp_path, cgroup, **files)) == limit


def test_the_limit_of_this_machine_is_readable():
    """It is None or positive."""
    assert memory_limit() is None or memory_limit() > 0
