"""The wire type of an Argo Workflow, with only the fields that are read, and its nodes, also if they are compressed.

Source: pkg/apis/workflow/v1alpha1/workflow_types.go of https://github.com/argoproj/argo-workflows
"""

import base64
import binascii
import datetime as dt
import zlib
from typing import Final, NamedTuple

import msgspec

from exporter.resources.objects import Meta

__all__ = ["Nodes", "ResourceTemplate", "Template", "WireNode", "WireWorkflow", "inputs_of", "nodes_of"]

_MAX_BYTES: Final = 16 << 20
"""Maximum size of decompressed nodes: those of a workflow of 1 MiB take a tenth of it or less."""
_GZIP: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 31

Scalar = str | int | float | bool | None


class ResourceTemplate(msgspec.Struct, rename="camel"):
    """`resource` of a template."""

    action: str | None = None
    manifest: str | None = None
    success_condition: str | None = None
    failure_condition: str | None = None


class Template(msgspec.Struct):
    """A template, as far as a running step needs it."""

    name: str | None = None
    resource: ResourceTemplate | None = None


class TemplateRef(msgspec.Struct, rename="camel"):
    """A reference to a template of a WorkflowTemplate or ClusterWorkflowTemplate."""

    name: str | None = None
    template: str | None = None
    cluster_scope: bool | None = None


class Parameter(msgspec.Struct):
    """An input parameter."""

    name: str | None = None
    value: Scalar = None


class Inputs(msgspec.Struct):
    """`inputs` of a node."""

    parameters: list[Parameter] | None = None


class WireNode(msgspec.Struct, rename="camel"):
    """A node: a step, or a group of steps. `inputs` are decoded only for the few nodes that are open."""

    name: str | None = None
    display_name: str | None = None
    type: str | None = None
    template_name: str | None = None
    template_ref: TemplateRef | None = None
    template_scope: str | None = None
    phase: str | None = None
    started_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None
    inputs: msgspec.Raw = msgspec.Raw(b"")


class StoredSpec(msgspec.Struct):
    """`status.storedWorkflowTemplateSpec`: the spec of a workflow with a workflowTemplateRef."""

    templates: list[Template] | None = None


class Spec(msgspec.Struct):
    """`spec`."""

    templates: list[Template] | None = None
    suspend: bool | None = None


class Status(msgspec.Struct, rename="camel"):
    """`status`."""

    phase: str | None = None
    started_at: dt.datetime | None = None
    nodes: dict[str, WireNode] | None = None
    compressed_nodes: str | None = None
    offload_node_status_version: str | None = None
    stored_templates: dict[str, Template] | None = None
    stored_workflow_template_spec: StoredSpec | None = None


class WireWorkflow(msgspec.Struct):
    """A Workflow on the wire."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: Spec | None = None
    status: Status | None = None


class Nodes(NamedTuple):
    """The nodes. `unreadable`: why they cannot be read; empty if they can."""

    nodes: list[WireNode]
    unreadable: str = ""


_nodes = msgspec.json.Decoder(dict[str, WireNode])
_inputs = msgspec.json.Decoder(Inputs)


def nodes_of(status: Status) -> Nodes:
    """The nodes of a workflow.

    Argo compresses the nodes of a workflow that is larger than 1 MiB, and stores them in a database if that is not
    enough: https://argo-workflows.readthedocs.io/en/latest/offloading-large-workflows/
    """
    if status.nodes:
        return Nodes(list(status.nodes.values()))
    if status.compressed_nodes:
        return _decompress(status.compressed_nodes)
    return Nodes([], "offloaded" if status.offload_node_status_version else "")


def _decompress(text: str) -> Nodes:
    """The nodes in Base64 of gzip. Newer versions of Argo may be configured to use zstd or brotli instead."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return Nodes([], "malformed")
    if not data.startswith(_GZIP):
        return Nodes([], "compression")
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    try:
        plain = inflater.decompress(data, _MAX_BYTES)
        if inflater.unconsumed_tail:
            return Nodes([], "too_large")
        return Nodes(list(_nodes.decode(plain).values()))
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Nodes([], "malformed")


def inputs_of(node: WireNode) -> dict[str, str]:
    """The input parameters of a node by name, as text."""
    if not node.inputs:
        return {}
    try:
        parameters = _inputs.decode(node.inputs).parameters
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return {one.name: str(one.value) for one in parameters or () if one.name and one.value is not None}
