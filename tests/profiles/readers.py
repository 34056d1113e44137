"""What the compiled reader of a YAML profile reads from an object."""

import datetime as dt

import msgspec

from exporter.kube.decode import Decoder
from exporter.profiles import Profile, Reader
from exporter.profiles.language import About
from lab import fast_yaml
from tests.objects import raw

AT = "2025-10-09T08:53:20Z"
MOMENT = dt.datetime(2025, 10, 9, 8, 53, 20, tzinfo=dt.UTC)


def a_reader(text):
    """The reader of a profile in YAML."""
    return Reader(msgspec.convert(fast_yaml.load(text), Profile))


def values(reader, item):
    """The object's values at the reader's paths, and whether the object is valid."""
    decoded, whole = Decoder(reader.type).decode(raw(item))
    return reader.values(decoded), whole


def state(text, item):
    """The state, its value and its label."""
    reader = a_reader(text)
    return tuple(reader.state(values(reader, item)[0]))


def about(text, item):
    """The non-empty labels that the profile derives from an object."""
    reader = a_reader(f"about: {text}")
    return {
        name: value
        for name, value in zip(About.__struct_fields__, reader.about(values(reader, item)[0]), strict=True)
        if value
    }
