"""A release of the bundle: a folder, its archive, and the archive's checksum."""

import dataclasses
import gzip
import hashlib
import io
import pathlib
import re
import shutil
import sys
import tarfile
from collections.abc import Mapping

from tools.bundle import source
from tools.bundle.generate import generated
from tools.bundle.source import NAME, BundleError, alerts_of, read_rules, read_version

__all__ = ["Settings", "pack"]

PACKED = (
    *("rules/*.yml", "tests/*.yml", "runbooks/*.md", "templates/*.tmpl"),
    *("alertmanager.yml", "scrape.yml", "README.md", "CHANGELOG.md", "VERSION"),
)
"""What of alerts/ a release holds, beside the generated files."""

# No quote, brace, comma, blank or `#`: the address stands bare in YAML, also between braces, and Prometheus expands
# annotations as templates.
ADDRESS = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.:-]*(/[A-Za-z0-9._~%+=&?:/-]*)?")


# As text between quotes in YAML, in PromQL and in Prometheus' templates: no quote, backquote, backslash or brace.
JOBS = re.compile(r"[A-Za-z0-9_.:/()|*+?^$-]+")
DEFAULT_JOBS = ".*coderun-exporter.*"
GONE = re.compile(r"([2-9]|[1-9]\d+)h|[1-9]\d*d")
DEFAULT_GONE = "24h"
SPEAK_OF_GONE = ("rules/exporter.yml", "runbooks/CodeRunExporterAbsent.md")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What a release may have of its own; what is empty stays as it is in the repository.

    runbooks: the base address of all runbooks, wherever that stands, so that the packed unit tests hold as well.
    gone: how long CodeRunExporterAbsent is a warning. jobs: the regular expression of the exporter's scrape jobs. The
    unit tests are about the defaults of these two, so that a release with another value has none.
    """

    runbooks: str = ""
    gone: str = ""
    jobs: str = ""


def pack(*, version: str, settings: Settings = Settings(), out: pathlib.Path) -> pathlib.Path:
    """Packs a release below the folder `out`; gives the archive's path. Raises BundleError."""
    _check(version)
    texts = _texts(settings)
    folder = out / f"{NAME}-rules-{version}"
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    archive = out / f"{folder.name}.tar.gz"
    archive.write_bytes(_tarball(folder.name, texts))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    archive.with_name(f"{archive.name}.sha256").write_text(f"{digest}  {archive.name}\n", encoding="utf-8")
    return archive


def _check(version: str) -> None:
    """BundleError unless it is the bundle's own version, and the changelog tells of it."""
    own = read_version()
    if version != own:
        raise BundleError(f"--version is {version!r}, but alerts/VERSION says {own!r}: give that, or change it first")
    if f"\n## [{version}]" not in (source.ROOT / "alerts/CHANGELOG.md").read_text("utf-8"):
        raise BundleError(f"alerts/CHANGELOG.md has no entry `## [{version}]`: say there first what has changed")


def _texts(settings: Settings) -> dict[str, str]:
    """The text of each file of a release, by its path in it."""
    alerts = source.ROOT / "alerts"
    paths = [path for pattern in PACKED for path in sorted(alerts.glob(pattern))]
    texts = {path.relative_to(alerts).as_posix(): path.read_text("utf-8") for path in paths}
    if settings.runbooks:
        old, new = _base(read_rules()), _checked(settings.runbooks)
        texts = {name: text.replace(old, new) for name, text in texts.items()}
    if settings.jobs:
        old, new = f'job=~"{DEFAULT_JOBS}"', f'job=~"{_regular_expression(settings.jobs)}"'
        texts = {name: text.replace(old, new) for name, text in texts.items()}
    if settings.gone:
        gone = _duration(settings.gone)
        texts |= {name: texts[name].replace(DEFAULT_GONE, gone) for name in SPEAK_OF_GONE}
    if settings.jobs or settings.gone:
        texts = {name: text for name, text in texts.items() if not name.startswith("tests/")}
    rules = {name.removeprefix("rules/"): text for name, text in texts.items() if name.startswith("rules/")}
    return texts | generated(rules)


def _base(files: Mapping[str, str]) -> str:
    """The one address below which all runbooks are."""
    bases = {alert["annotations"]["runbook_url"].removesuffix(f"/{alert['alert']}") for alert in alerts_of(files)}
    if len(bases) != 1:
        raise BundleError(f"each runbook_url has to be one base, a slash and the alert's name; found {sorted(bases)}")
    return bases.pop()


def _checked(address: str) -> str:
    """An address for runbooks, without a slash at its end."""
    if not ADDRESS.fullmatch(address):
        raise BundleError(f"--runbooks is {address!r}: give an address such as https://wiki.example/runbooks")
    if address.endswith("/"):
        print("bundle: left out the slash at the end of --runbooks, as one follows before each name", file=sys.stderr)
    return address.rstrip("/")


def _regular_expression(jobs: str) -> str:
    """A regular expression that stays one text in every file."""
    try:
        re.compile(jobs)
    except re.error:
        valid = False
    else:
        valid = JOBS.fullmatch(jobs) is not None
    if not valid:
        raise BundleError(f"--jobs is {jobs!r}: give a regular expression such as '.*agents-exporter.*'")
    return jobs


def _duration(gone: str) -> str:
    """A duration of Prometheus' in hours or days, longer than the hour for which the alert is critical."""
    if not GONE.fullmatch(gone):
        raise BundleError(f"--gone is {gone!r}: give more than an hour, in hours or days, such as 12h or 7d")
    return gone


def _tarball(folder: str, texts: Mapping[str, str]) -> bytes:
    """A .tar.gz that is the same byte for byte whoever packs it, and whenever."""
    plain, zipped = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(texts):
            content = texts[name].encode()
            entry = tarfile.TarInfo(f"{folder}/{name}")  # of 1970 and of user 0, as TarInfo has it
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    with gzip.GzipFile(filename="", mode="wb", fileobj=zipped, mtime=0) as file:
        file.write(plain.getvalue())
    return zipped.getvalue()
