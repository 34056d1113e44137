"""Builds Argo Workflows and WorkflowTemplates as the API server sends them, with the steps of the platform."""

import base64
import gzip
import json

from lab.platform.manifests import custom_resource
from tests.objects import CREATED, stamp

__all__ = [
    "CREATE",
    "WAIT",
    "a_node",
    "a_run_of",
    "a_workflow",
    "a_workflow_template",
    "compress",
    "leaf",
    "workflow_crds",
]

MANIFEST = """\
apiVersion: agents.platform/v1
kind: CodeRun
metadata: {generateName: "x-"}
"""
CREATE = {
    "name": "create-coderun-resource",
    "resource": {
        "action": "create",
        "setOwnerReference": True,
        "successCondition": "status.phase == Succeeded",
        "failureCondition": "status.phase == Failed",
        "manifest": MANIFEST,
    },
}
"""The template that creates a run and waits for it, as in the platform's chart."""
WAIT = {
    "name": "wait-coderun-completion",
    "inputs": {"parameters": [{"name": "coderun-name"}]},
    "resource": {
        "action": "get",
        "successCondition": "status.phase == Succeeded",
        "failureCondition": "status.phase == Failed",
        "manifest": MANIFEST.replace('generateName: "x-"', 'name: "{{inputs.parameters.coderun-name}}"'),
    },
    "retryStrategy": {"limit": 200, "retryPolicy": "OnError"},
}
"""The template that waits for a run by its name."""


def a_node(name, *, type_="Pod", phase="Running", started=CREATED, finished=None, **more):
    """A node of a workflow. `name` is its path, which begins with the name of the workflow."""
    node = {"id": name, "name": name, "displayName": name.rpartition(".")[2], "type": type_, "phase": phase}
    times = {"startedAt": stamp(started), "finishedAt": stamp(finished)}
    return {**node, "templateScope": "local/play", **times, **more}


def leaf(template="create-coderun-resource", **more):
    """The open node of a step with this template, which has waited since `CREATED`."""
    return a_node("play[0].implement(0)[1].create", templateName=template, **more)


def a_workflow(
    *nodes, name="play", uid="wf-play", namespace="n", phase="Running", templates=(CREATE, WAIT), spec=None, **status
):
    """A workflow with these nodes. `status` has more fields of its status."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {
            "name": name,
            "uid": uid,
            "namespace": namespace,
            "creationTimestamp": stamp(CREATED - 60),
            "resourceVersion": "7",
            "labels": {"workflows.argoproj.io/completed": "false"},
        },
        "spec": {"entrypoint": "main", "templates": list(templates), **(spec or {})},
        "status": {"phase": phase, "startedAt": stamp(CREATED - 60), "nodes": {one["id"]: one for one in nodes}}
        | status,
    }


def a_workflow_template(*templates, name="play-workflow-template", namespace="n", **spec):
    """A WorkflowTemplate with these templates."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "WorkflowTemplate",
        "metadata": {"name": name, "uid": f"uid-of-{name}", "namespace": namespace, "resourceVersion": "7"},
        "spec": {"entrypoint": "main", "templates": list(templates), **spec},
    }


def a_run_of(workflow, run):
    """The run, with the workflow as its owner, as `setOwnerReference` does."""
    meta = workflow["metadata"]
    owner = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": meta["name"], "uid": meta["uid"]}
    references = [{**owner, "controller": True, "blockOwnerDeletion": True}]
    return {**run, "metadata": {**run["metadata"], "ownerReferences": references}}


def compress(*nodes):
    """`compressedNodes`: Base64 of gzip."""
    return base64.b64encode(gzip.compress(json.dumps({one["id"]: one for one in nodes}).encode())).decode()


def workflow_crds():
    """The CustomResourceDefinitions of Argo Workflows, which allow any field."""
    return [_crd("Workflow"), _crd("WorkflowTemplate")]


def _crd(kind):
    crd = custom_resource(kind)
    (version,) = crd["spec"]["versions"]
    crd["metadata"]["name"] = f"{kind.lower()}s.argoproj.io"
    crd["spec"] |= {"group": "argoproj.io", "versions": [{**version, "name": "v1alpha1", "subresources": {}}]}
    return crd
