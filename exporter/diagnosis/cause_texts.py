"""Texts that rows of the table of causes share: next commands, and the people who can correct a cause."""

from typing import Final

__all__ = [
    "AGENT",
    "CLUSTER",
    "CONFIGMAP",
    "CONTROLLER",
    "CREDENTIALS",
    "DESCRIBE",
    "FILE",
    "IMAGE",
    "LOG",
    "NO_ACTION",
    "PODS",
    "PREVIOUS",
    "TEMPLATES",
    "YAML",
]

DESCRIBE: Final = "kubectl -n $namespace describe $resource $name"
YAML: Final = "kubectl -n $namespace get $resource $name -o yaml"
CONFIGMAP: Final = "kubectl -n $namespace describe configmap $name"
LOG: Final = "kubectl -n $namespace logs $target --all-containers --timestamps --tail=30"
PODS: Final = "kubectl -n $namespace get $pods -o wide"
PREVIOUS: Final = "kubectl -n $namespace logs $name -c $container --timestamps --tail=30"

CONTROLLER: Final = "who runs the platform's controller"
CLUSTER: Final = "who runs the cluster"
TEMPLATES: Final = "who deploys the platform's templates"
AGENT: Final = "who owns the agent or its task"
CREDENTIALS: Final = "who owns the platform's credentials"
NO_ACTION: Final = "no action needed"
IMAGE: Final = "who owns the image or the agent"
"""The people who can correct a container that cannot run with its image."""
FILE: Final = "who owns the image or the agent, or deploys the templates if a volume has the file"
"""The people who can correct a file that cannot be executed."""
