"""Whether the runs of one kind can be listed, under the names that the settings give it, and what they say."""

import asyncio
import collections
import dataclasses
from collections.abc import Sequence

from exporter.checks.finding import HEALTHY, NOTE, UNHEALTHY, UNKNOWN, Finding
from exporter.cluster import Run
from exporter.kind_names import naming_fault
from exporter.kube.client import KubeClient
from exporter.kube.decode import Decoder, page_of
from exporter.kube.errors import KubeError, MissingError
from exporter.resources.coderuns import CodeRun, slim_run
from exporter.resources.kinds import RunKind

__all__ = ["MOST", "Runs", "check_runs", "where"]

MOST = 500
"""So many runs of a kind are looked at in each namespace."""
_MOST_PHASES = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class Runs:
    """What was found out, and the runs; `all` says whether there are no more of them."""

    findings: list[Finding]
    runs: list[Run]
    all: bool = True


async def check_runs(
    client: KubeClient,
    kind: RunKind,
    *,
    scopes: Sequence[str | None],
    selected: dict[str, str],
    others: Sequence[RunKind],
) -> Runs:
    """Everything about one kind. Listing and discovery go at once: either may wait for a server that is silent."""
    fault, listed = await asyncio.gather(
        _fault(client, kind, others), asyncio.gather(*(_list(client, kind, scope, selected) for scope in scopes))
    )
    missing = [found for found in listed if isinstance(found, MissingError)]
    if len(missing) == len(listed):
        return Runs(findings=[_of_missing(kind, scopes, fault, missing[0])], runs=[])
    findings = [] if not fault else [Finding(status=UNHEALTHY, subject=kind.resource, text=fault)]
    good = [found for found in listed if isinstance(found, Runs)]
    for scope, found in zip(scopes, listed, strict=True):
        if isinstance(found, Runs):
            findings += found.findings
        else:
            subject = f"{kind.plural} in {where(scope)}"
            findings.append(Finding(status=UNKNOWN, subject=subject, text=f"cannot be listed: {found}"))
    runs = [run for found in good for run in found.runs]
    return Runs(findings=findings + _of_phases(kind, runs), runs=runs, all=all(found.all for found in good))


def where(scope: str | None) -> str:
    """A namespace, or all of them, in words."""
    return f"namespace {scope}" if scope else "all namespaces"


async def _fault(client: KubeClient, kind: RunKind, others: Sequence[RunKind]) -> str:
    """Empty also where discovery fails: why, the list says as well."""
    try:
        return await naming_fault(client, kind, others=others)
    except KubeError:
        return ""


async def _list(client: KubeClient, kind: RunKind, scope: str | None, selected: dict[str, str]) -> Runs | KubeError:
    decoder = Decoder(CodeRun)
    try:
        page = page_of(await client.get(kind.path(scope), {"limit": str(MOST), **selected}))
    except KubeError as error:
        return error
    runs = [slim_run(decoder.decode(raw)[0], kind=kind) for raw in page.items or ()]
    more = "more than " if page.metadata.continue_ else ""
    number = f"{more}{len(runs)} found" if runs else "none found"
    finding = Finding(status=HEALTHY, subject=f"{kind.plural} in {where(scope)}", text=f"can be listed, {number}")
    return Runs(findings=[finding], runs=runs, all=not more)


def _of_missing(kind: RunKind, scopes: Sequence[str | None], fault: str, error: MissingError) -> Finding:
    """One finding, however many namespaces there are. Only the first kind is required."""
    subject = f"{kind.plural} in {' and '.join(map(where, scopes))}"
    if not fault and not kind.main:
        return Finding(status=HEALTHY, subject=subject, text="no such resource; this kind is optional")
    text = f"no such resource: {fault or 'is its CRD installed?'} ({error})"
    return Finding(status=UNHEALTHY, subject=subject, text=text)


def _of_phases(kind: RunKind, runs: Sequence[Run]) -> list[Finding]:
    unknown = collections.Counter(run.phase for run in runs if run.phase_label == "other")
    return [
        Finding(
            status=NOTE,
            subject=kind.plural,
            text=f"phase {phase!r} is in no state list of {kind.kind} ({_counted(number)}): counted as open",
        )
        for phase, number in unknown.most_common(_MOST_PHASES)
    ]


def _counted(number: int) -> str:
    return f"{number} run{'' if number == 1 else 's'}"
