"""Packs a release of the rules: a folder, its archive, and the checksum of the archive."""

import gzip
import hashlib
import io
import pathlib
import shutil
import tarfile
from collections.abc import Mapping

from tools import rule_files
from tools.bundle.generate import render_files
from tools.bundle.settings import Settings
from tools.bundle.tuning import tuned, with_runbooks
from tools.dashboards.generate import linked as dashboards
from tools.rule_files import NAME, BundleError, read_rules, read_version

__all__ = ["pack"]

PACKED = (
    *("rules/*.yml", "tests/*.yml", "runbooks/*.md", "templates/*.tmpl"),
    *("alertmanager.yml", "receivers.yml", "scrape.yml", "thresholds.yml", "README.md", "CHANGELOG.md", "VERSION"),
)
"""The files of alerts/ in a release, in addition to the generated files."""


def pack(*, version: str, settings: Settings, out: pathlib.Path) -> pathlib.Path:
    """Packs a release below the folder `out`. Returns the path of the archive. Raises BundleError."""
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
    """Raises BundleError unless the version is that of alerts/VERSION and has a changelog entry."""
    own = read_version()
    if version != own:
        raise BundleError(f"--version is {version!r}, but alerts/VERSION says {own!r}: give that, or change it first")
    if f"\n## [{version}]" not in (rule_files.ROOT / "alerts/CHANGELOG.md").read_text("utf-8"):
        raise BundleError(f"alerts/CHANGELOG.md has no entry `## [{version}]`: say there first what has changed")


def _texts(settings: Settings) -> dict[str, str]:
    """The text of each file of a release, by its path in the release.

    The unit tests only fit the default settings: a release with other settings has no unit tests. If only the address
    of the runbooks is set, the unit tests expect it too.
    """
    alerts = rule_files.ROOT / "alerts"
    paths = [path for pattern in PACKED for path in sorted(alerts.glob(pattern))]
    texts = {path.relative_to(alerts).as_posix(): path.read_text("utf-8") for path in paths}
    rules = tuned(read_rules(), settings)
    texts = {name: text for name, text in texts.items() if not name.startswith("rules/")}
    for name in [name for name in texts if name.startswith("tests/")]:
        if settings.changes_rules:
            del texts[name]
        elif settings.runbooks:
            texts[name] = with_runbooks(texts[name], settings.runbooks, alert=pathlib.PurePath(name).stem)
    texts |= {f"rules/{name}": text for name, text in rules.items()} | render_files(rules)
    return texts | {f"dashboards/{name}": text for name, text in dashboards(settings.runbooks).items()}


def _tarball(folder: str, texts: Mapping[str, str]) -> bytes:
    """A reproducible .tar.gz: its bytes depend only on the names and texts of the files."""
    plain, zipped = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(texts):
            content = texts[name].encode()
            entry = tarfile.TarInfo(f"{folder}/{name}")  # with TarInfo's defaults: mtime 0, uid 0
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    with gzip.GzipFile(filename="", mode="wb", fileobj=zipped, mtime=0) as file:
        file.write(plain.getvalue())
    return zipped.getvalue()
