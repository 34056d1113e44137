"""The main container has terminated, and another container keeps the Pod running."""

from typing import Final

import msgspec

from exporter.cache import Container, Pod
from exporter.diagnosis.cause_texts import PREVIOUS
from exporter.diagnosis.container_words import CREATE, UNKNOWN_END, end_words
from exporter.diagnosis.end_texts import with_end_fix
from exporter.diagnosis.finding import Finding, found, of_pod

__all__ = ["main_exit_finding"]

_LET_END: Final = "The other container keeps the pod running: end it too, or make it a native sidecar."
_LET_SIDECAR_END: Final = (
    "The kubelet ends native sidecars after the main container: look for a hanging preStop hook."
)


def main_exit_finding(pod: Pod, main: Container, *, is_worker: bool) -> Finding:
    """The finding. With an exit code other than 0, the agent failed, so its log is next."""
    others = [one.name for one in pod.containers if one.state == "running" and not one.sidecar]
    sidecars = [f"native sidecar {one.name}" for one in pod.containers if one.state == "running" and one.sidecar]
    failed = bool(main.exit_code) and main.reason not in CREATE | {UNKNOWN_END}
    text = f"{end_words(main, failed=failed)}; still running: {', '.join(others or sidecars)}"
    if not others and not sidecars:
        name = "the Pod" if is_worker else f"Pod {pod.name}"
        how = end_words(main, failed=True) if failed else f"container {main.name} has terminated"
        text = f"{how}, {name} is running"
    about, command = of_pod(pod, main.name), PREVIOUS if failed else ""
    finding = found("main_container_exited", text, about=about, since=main.since, command=command)
    fix = _LET_SIDECAR_END if sidecars and not others else ""
    if failed:
        finding = with_end_fix(finding, main)
        why = finding.fix or f"The agent failed with exit code {main.exit_code}: correct what its log says."
        fix = f"{why} {fix or _LET_END}"
    return msgspec.structs.replace(finding, fix=fix)
