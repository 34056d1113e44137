"""A container that cannot be started because of a file: whether a volume supplies that file, or the image.

A volume is mounted over the files of the image, so its files are not in the image. Messages of runc:
https://github.com/opencontainers/runc/blob/main/libcontainer/standard_init_linux.go
"""

import posixpath
import re
from typing import Final

import msgspec

from exporter.diagnosis.cause_texts import IMAGE, TEMPLATES
from exporter.diagnosis.explanation import Explanation, FindingView
from exporter.diagnosis.finding import MAX_EVIDENCE
from exporter.explaining.pod_specs import ContainerSpec, PodSpecs, Volume
from exporter.untrusted import shorten

__all__ = ["with_volume_file"]

_CONTAINER: Final = re.compile(r"container ([a-z0-9]([a-z0-9-]*[a-z0-9])?)\b")
_PATH: Final = re.compile(r'exec:? "?((?:/|\./)[^\s":]+)"?: (?:stat [^\s:]+: )?([a-z ]+)')
_DENIED, _ABSENT, _FORMAT, _FOLDER = (
    "permission denied",
    "no such file or directory",
    "exec format error",
    "is a directory",
)
_EXECUTABLE: Final = 0o111
_DESCRIBE: Final = re.compile(r"(kubectl -n \S+) describe (pod \S+)")
"""It does not show the modes of volumes."""
_OWNER: Final = "who owns the volume or the agent"
_INTERPRETER: Final = "start the file with its interpreter, such as sh"
_WRITTEN: Final = {
    _DENIED: f"Set the mode of the file in volume {{}} to 0755 (defaultMode or mode), or {_INTERPRETER}.",
    _ABSENT: "If volume {} lacks the key of the file, add it, or correct the command; else correct the interpreter in"
    " its first line (#!), which the image lacks.",
    _FORMAT: "Give the file in volume {} a first line with its interpreter, such as #!/bin/sh.",
    _FOLDER: "Correct the command or the mount of volume {}: the path is a directory.",
}
_OTHER: Final = {
    _DENIED: "If the file in volume {} has no mode to execute it, let what writes it set that (chmod +x); else the"
    f" volume is mounted noexec, or the user may not read it: {_INTERPRETER}, or correct the user.",
    _ABSENT: "If volume {} lacks the file, correct what writes it, or the command; else correct the interpreter in"
    " its first line (#!), which the image lacks.",
    _FORMAT: "If the file in volume {} is a script, give it a first line such as #!/bin/sh; else use a build for the"
    " architecture of the node.",
    _FOLDER: _WRITTEN[_FOLDER],
}
_USER: Final = "Correct the user of the container (runAsUser, fsGroup), or the mode of the file in volume {}."
_OF_IMAGE: Final = {
    _DENIED: "Make the command executable in the image, or correct the user of the container.",
    _ABSENT: "Correct the command, or add it or the interpreter in its first line (#!) to the image.",
}


def with_volume_file(one: FindingView, run: Explanation, specs: PodSpecs) -> FindingView:
    """The finding, with the volume that supplies the file that cannot be executed; or that the image does."""
    path, container = _PATH.search(one.evidence), _CONTAINER.search(one.evidence)
    if one.cause != "container_cannot_be_created" or path is None or container is None:
        return one
    spec = next(specs.of(run, container[1]), None)
    why = next((text for text in (_DENIED, _ABSENT, _FORMAT, _FOLDER) if path[2].startswith(text)), "")
    if spec is None or not why or not (path[1].startswith("/") or spec.working_dir):
        return one
    full = posixpath.normpath(posixpath.join(spec.working_dir or "/", path[1]))
    if (found := _supplier(full, spec)) is None:
        return msgspec.structs.replace(one, fix=_OF_IMAGE.get(why, one.fix), act=IMAGE)
    volume, inside = found
    mode = volume.mode(inside)
    words = f"volume {volume.name} supplies this file" + (f", {volume.kind}" if volume.kind else "")
    words += f", mode {mode:04o}" if mode is not None and why == _DENIED else ""
    is_user = why == _DENIED and mode is not None and mode & _EXECUTABLE
    fix = _USER if is_user else (_OTHER if mode is None else _WRITTEN)[why]
    return msgspec.structs.replace(
        one,
        evidence=shorten(f"{one.evidence}; {words}", limit=MAX_EVIDENCE),
        fix=fix.format(volume.name),
        act=_OWNER if mode is None else TEMPLATES,
        next=_DESCRIBE.sub(r"\1 get \2 -o 'jsonpath={.spec.volumes}'", one.next),
    )


def _supplier(path: str, spec: ContainerSpec) -> tuple[Volume, str] | None:
    """The volume whose mount path is the longest beginning of the path, and the path in the volume."""
    best: tuple[int, Volume, str] | None = None
    for mounted, sub, volume in spec.mounts:
        at = posixpath.normpath(mounted)
        below = path == at or path.startswith(f"{at.rstrip('/')}/")
        if below and (best is None or len(at) > best[0]):
            best = (len(at), volume, posixpath.normpath(posixpath.join(sub, path[len(at) :].lstrip("/"))))
    return None if best is None else best[1:]
