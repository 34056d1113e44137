"""Services of a dump without ready endpoints: a container may wait for one, or a webhook be behind one.

A name in a command or in the environment shows what a container may wait for. Nothing else of them is shown.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from exporter.explaining.other_pods import OtherPod
from exporter.explaining.workloads_down import DownWorkload
from exporter.kube.decode import Decoder
from exporter.resources.objects import Meta, intern_label, object_name

__all__ = ["SERVICES", "Backend", "Services"]

SERVICES: Final = {("", "Service"), ("discovery.k8s.io", "EndpointSlice"), ("", "Endpoints")}
"""The groups and kinds."""
_OF_SLICE: Final = "kubernetes.io/service-name"
_MAX_SERVICES: Final = 10_000
_MAX_NAMES: Final = 20
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_START, _PORT = r"(?<![\w.-])", r"(?=:\d|/|\s+\d{2,5}\b)"
_QUALIFIED: Final = re.compile(rf"{_START}({_LABEL})\.({_LABEL})\.svc(?![\w-])")
_SHORT: Final = re.compile(rf"{_START}({_LABEL})(?:\.({_LABEL}))?{_PORT}")


class _Spec(msgspec.Struct):
    """`spec` of a Service."""

    type: str | None = None
    selector: dict[str, str] | None = None


class _Conditions(msgspec.Struct):
    """`conditions` of an endpoint. Unset counts as ready."""

    ready: bool | None = None


class _Endpoint(msgspec.Struct):
    """An item of `endpoints`."""

    conditions: _Conditions | None = None


class _Subset(msgspec.Struct):
    """An item of `subsets` of an Endpoints."""

    addresses: list[dict[str, Any]] | None = None


class _Object(msgspec.Struct):
    """A Service, EndpointSlice or Endpoints on the wire."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: _Spec | None = None
    endpoints: list[_Endpoint] | None = None
    subsets: list[_Subset] | None = None


class Backend(NamedTuple):
    """What is wrong behind a Service: in words after its name, what corrects that, and the command that shows it."""

    words: str
    fix: str
    command: str


_decoder = Decoder(_Object)
_SCALE: Final = "If it needs this Service, scale up {}; else its log says what it waits for."
_PODS: Final = "If it needs this Service, repair the pods of {} or its selector; else its log says what it waits for."


class Services:
    """The Services of a dump, by namespace and name, and whether they have ready endpoints."""

    def __init__(self) -> None:
        self._selectors: dict[tuple[str, str], dict[str, str]] = {}
        self._ready: dict[tuple[str, str], bool] = {}
        self._namespaces: set[str] = set()

    def add(self, raw: msgspec.Raw, kind: str) -> None:
        """Adds a Service, an EndpointSlice or an Endpoints."""
        if len(self._selectors) + len(self._ready) >= _MAX_SERVICES:
            return
        item = _decoder.decode(raw)[0]
        namespace, name = intern_label(item.metadata.namespace), object_name(item.metadata.name)
        if kind == "Service":
            spec = item.spec or _Spec()
            self._namespaces.add(namespace)
            self._selectors[namespace, name] = {} if spec.type == "ExternalName" else spec.selector or {}
            return
        if kind == "EndpointSlice":
            name = object_name((item.metadata.labels or {}).get(_OF_SLICE))
            ready = any((one.conditions or _Conditions()).ready is not False for one in item.endpoints or ())
        else:
            ready = any(one.addresses for one in item.subsets or ())
        self._ready[namespace, name] = self._ready.get((namespace, name), False) or ready

    def named(self, texts: Sequence[str], namespace: str) -> Iterator[tuple[str, str]]:
        """The namespaces and names of Services that the texts of a container of this namespace name, each once."""
        found: dict[tuple[str, str], None] = {}
        for text in texts:
            found |= {(match[2], match[1]): None for match in _QUALIFIED.finditer(text)}
            short = ((match[2] or namespace, match[1]) for match in _SHORT.finditer(text))
            found |= {key: None for key in short if key in self._selectors}
        yield from [*found][:_MAX_NAMES]

    def is_absent(self, namespace: str, name: str) -> bool:
        """Whether the dump has Services of the namespace, and this one is not among them."""
        return namespace in self._namespaces and (namespace, name) not in self._selectors

    def broken(
        self, namespace: str, name: str, pods: Sequence[OtherPod], down: Sequence[DownWorkload]
    ) -> Backend | None:
        """What is wrong behind a Service that selects pods; None if it has ready endpoints, or if that is unknown."""
        selector, ready = self._selectors.get((namespace, name)), self._ready.get((namespace, name))
        if not selector or ready:
            return None
        where, words = f"kubectl -n {shlex.quote(namespace)}", "has no ready endpoints" if ready is False else ""
        for item in down:
            if item.namespace == namespace and item.is_scaled_down and _selects(selector, item.labels):
                text = f"{words or 'selects its pods'}: {item.kind} {item.name} {item.why}"
                command = f"{where} describe {item.kind.lower()} {shlex.quote(item.name)}"
                return Backend(text, _SCALE.format(f"{item.kind} {item.name}"), command)
        failing = self.failing(namespace, name, pods)
        if words and failing:
            text = f"{words}: pod {failing[0].name} fails: {failing[0].why}"
            return Backend(text, _PODS.format(name), f"{where} describe pod {shlex.quote(failing[0].name)}")
        if not words:
            return None
        return Backend(words, _PODS.format(name), f"{where} get services,endpointslices,deployments,pods")

    def failing(self, namespace: str, name: str, pods: Sequence[OtherPod]) -> list[OtherPod]:
        """The failing pods that a Service selects."""
        selector = self._selectors.get((namespace, name))
        return [pod for pod in pods if selector and pod.namespace == namespace and _selects(selector, pod.labels)]


def _selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.items())
