"""Only the dirty lines of compressed blocks are rendered again."""

import collections
import random

from exporter.exposition.compressed import _GROUP_SIZE, CompressedFamilies
from exporter.exposition.deflate import combine, inflate

FOREVER = float("inf")


class Objects:
    """Objects with a value each, in two metric families: one of all objects, one of those with a value above 5."""

    def __init__(self):
        self.values = {}
        self.rendered = collections.Counter()
        self.objects = 0
        self.section = CompressedFamilies(
            heads=["# a\n", "# b\n"], render_text=self.render_text, prefixes=self.prefixes
        )

    def prefixes(self, family, keys):
        """The beginning of each line of these objects."""
        return [f"{'ab'[family]} {key}" for key in keys]

    def render_text(self, families, keys):
        """Renders these families, and counts what was rendered."""
        self.rendered.update(families)
        self.objects += len(keys)
        texts = (
            "".join(f"a {key} {self.values[key]}\n" for key in keys),
            "".join(f"b {key}\n" for key in keys if self.values[key] > 5),
        )
        return [texts[family] for family in families]

    def text(self):
        """Renders both families, and returns their sorted lines."""
        assert self.section.render(until=FOREVER)
        got = []
        for index in (0, 1):
            blocks, crc, length = self.section.family(index)
            assert (crc, length) == combine(blocks)
            got += b"".join(map(inflate, blocks)).decode().splitlines()
        return sorted(got)

    def expected(self):
        """The lines that `text` should return."""
        one = [f"a {key} {value}" for key, value in self.values.items()]
        return sorted(["# a", "# b", *one, *(f"b {key}" for key, value in self.values.items() if value > 5)])


def test_families_without_objects_are_their_heads():
    """A family without samples still has HELP and TYPE."""
    objects = Objects()
    assert objects.text() == ["# a", "# b"]
    assert len(objects.section) == 0


def test_thousands_of_objects_are_added_changed_and_removed():
    """In any order, each line occurs once, and the checksums are those of the blocks."""
    objects, rng = Objects(), random.Random(7)  # noqa: S311 - the same test each time
    for turn in range(12):
        new = [
            f"k{turn}-{number};"
            for number in range(rng.choice([1, _GROUP_SIZE - 1, _GROUP_SIZE, _GROUP_SIZE + 1, 700]))
        ]
        objects.values |= {key: rng.randrange(10) for key in new}
        if turn % 2:
            objects.section.extend(new)
        else:
            for key in new:
                objects.section.add(key)
        for key in rng.sample(sorted(objects.values), len(objects.values) // 3):
            objects.section.remove(key)
            del objects.values[key]
        for key in rng.sample(sorted(objects.values), len(objects.values) // rng.choice([5, 50])):
            objects.values[key] = rng.randrange(10)
            objects.section.mark_dirty(key)
        assert objects.text() == objects.expected()
        assert len(objects.section) == len(objects.values)


def test_the_space_of_removed_objects_is_reused():
    """The number of chunks does not grow if objects are added and removed."""
    objects = Objects()
    for number in range(2_000):
        objects.values[f"k{number}"] = 1
        objects.section.add(f"k{number}")
        if number >= 2 * _GROUP_SIZE - 10:
            objects.section.remove(f"k{number - 2 * _GROUP_SIZE + 10}")
            del objects.values[f"k{number - 2 * _GROUP_SIZE + 10}"]
    assert objects.text() == objects.expected()
    assert len(objects.section._groups) <= 3


def test_only_dirty_families_and_chunks_are_rendered_again():
    """Nothing is rendered if no object is dirty or if the dirty object is unknown."""
    objects = Objects()
    objects.values = {f"k{number}": 1 for number in range(2 * _GROUP_SIZE + 9)}
    objects.section.extend(list(objects.values))
    objects.text()
    objects.rendered.clear()
    objects.section.mark_dirty("unknown")
    objects.text()
    assert not objects.rendered
    objects.values["k7"] = 9
    objects.section.mark_dirty("k7", [1])
    objects.section.mark_dirty("k8", [1])
    objects.objects = 0
    assert "b k7" in objects.text()
    assert (objects.rendered, objects.objects) == ({1: 1}, 2)
    objects.rendered.clear()
    objects.section.mark_all_dirty()
    assert objects.text() == objects.expected()
    assert objects.rendered == {0: 3, 1: 3}


def test_if_many_objects_of_a_chunk_changed_the_whole_chunk_is_rendered():
    """Up to eight changed objects are rendered separately."""
    objects = Objects()
    objects.values = {f"k{number};": number % 10 for number in range(_GROUP_SIZE)}
    objects.section.extend(list(objects.values))
    for many in (8, 9):
        objects.text()
        objects.rendered.clear()
        objects.objects = 0
        for key in list(objects.values)[:many]:
            objects.values[key] = 9 - objects.values[key]
            objects.section.mark_dirty(key)
        assert objects.text() == objects.expected()
        assert objects.objects == (2 * 8 if many == 8 else _GROUP_SIZE)


def test_the_order_of_the_lines_is_the_same_in_each_process():
    """Changed objects keep their order, whatever their hashes are."""
    objects = Objects()
    objects.values = {f"k{number};": 1 for number in range(8)}
    objects.section.extend(list(objects.values))
    objects.text()
    for key in reversed(objects.values):
        objects.section.mark_dirty(key)
    objects.text()
    lines = b"".join(map(inflate, objects.section.family(0)[0])).decode()
    assert lines.splitlines()[1:] == [f"a {key} 1" for key in objects.values]


def test_rendering_completes_at_least_one_chunk_and_then_stops_in_time():
    """So rendering completes after a finite number of slices."""
    objects = Objects()
    objects.values = {f"k{number}": 1 for number in range(2 * _GROUP_SIZE + 9)}
    objects.section.extend(list(objects.values))
    assert [objects.section.render(until=0.0) for _ in range(4)] == [False, False, True, True]


def test_returned_blocks_do_not_change():
    """A response that is being sent must be consistent."""
    objects = Objects()
    objects.values["k"] = 1
    objects.section.add("k")
    objects.text()
    blocks, _, _ = objects.section.family(0)
    objects.values["k"] = 2
    objects.section.mark_dirty("k")
    objects.text()
    assert b"".join(map(inflate, blocks)) == b"# a\na k 1\n"
