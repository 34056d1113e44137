"""What the classes of termination messages mean, and what corrects each. docs/causes.md lists them."""

from typing import Final, NamedTuple

import msgspec

from exporter.cache import Container
from exporter.diagnosis.cause_texts import CLUSTER, CREDENTIALS, IMAGE
from exporter.diagnosis.finding import Finding

__all__ = ["END_TEXTS", "EndText", "end_text", "exit_code_of", "with_end_fix"]


class EndText(NamedTuple):
    """`meaning` continues "its termination message says that". `act`: who corrects it; empty: the agent's owner."""

    meaning: str
    fix: str
    act: str = ""


_MODEL: Final = "the API of the agent's model"
END_TEXTS: Final = {
    "file_watches": EndText(
        "the process opened too many files or file watches",
        "Raise fs.inotify.max_user_watches on the node or the limit of open files, or let the process watch less.",
        CLUSTER,
    ),
    "disk_full": EndText(
        "a disk is full",
        "Enlarge the volume or the ephemeral-storage of the pod, or free disk space on the node.",
    ),
    "heap": EndText(
        "the process reached the maximum of its heap",
        "Raise the heap limit of the process (--max-old-space-size, -Xmx) and the memory limit of the container.",
    ),
    "exec_format": EndText(
        "the binary is for another architecture, or a script lacks its first line (#!)",
        "Begin it with #!/bin/sh if it is a script; else use an image for the architecture of the node.",
        IMAGE,
    ),
    "illegal_instruction": EndText(
        "the CPU of the node lacks an instruction that the binary uses",
        "Use a build of the binary for older CPUs, or select other nodes.",
        IMAGE,
    ),
    "segfault": EndText("the process crashed (SIGSEGV)", "Use another version of the binary or the image.", IMAGE),
    "library": EndText(
        "the binary needs a library that the image lacks", "Use an image with the libraries of the binary.", IMAGE
    ),
    "host_key": EndText(
        "git does not know the SSH key of its server", "Add the key of the server to known_hosts in the pod."
    ),
    "git_auth": EndText(
        "the git server rejects the credentials",
        "Renew the token or key in the Secret for git, and let it read and push to the repository of the run.",
        CREDENTIALS,
    ),
    "git_missing": EndText(
        "the repository or branch does not exist",
        "Correct the repository and branch of the run, or let the credentials see a private repository.",
    ),
    "git_rejected": EndText(
        "the git server rejects the push",
        "Let the credentials push to the branch, or use a branch that is neither protected nor changed by others.",
    ),
    "certificate": EndText(
        "a TLS certificate is not trusted",
        "Add the CA of the server or proxy to the image (SSL_CERT_FILE, NODE_EXTRA_CA_CERTS), or renew its"
        " certificate.",
        CLUSTER,
    ),
    "proxy": EndText(
        "the proxy refuses the connection",
        "Correct HTTPS_PROXY and NO_PROXY of the pod, or permit the host in the proxy.",
        CLUSTER,
    ),
    "dns": EndText(
        "a host name cannot be resolved",
        "Correct the host name, or repair the DNS of the cluster or the NetworkPolicies to it.",
        CLUSTER,
    ),
    "network": EndText(
        "a connection fails", "Repair the server, or permit the connection in NetworkPolicies and firewalls.", CLUSTER
    ),
    "root_user": EndText(
        "the agent refuses to run as root", "Set runAsUser to a user other than root, or use an image with one."
    ),
    "billing": EndText(
        f"the account of {_MODEL} has no credit, is not paid, or is disabled",
        "Pay for the account or add credit, or use the credentials of another account: waiting does not help.",
    ),
    "usage_limit": EndText(
        f"the usage limit of {_MODEL} is reached",
        "Wait until the limit is reset, raise it, or use other credentials.",
    ),
    "rate_limit": EndText(
        f"{_MODEL} receives too many requests", "Run fewer agents at once, or raise the rate limit."
    ),
    "auth": EndText(
        "an API rejects the credentials", "Renew the API key or token in the Secret that the container uses."
    ),
    "overloaded": EndText(f"{_MODEL} is overloaded", "Run it again later."),
    "read_only": EndText(
        "a file system is read-only", "Mount a writable volume at the path, or set readOnlyRootFilesystem to false."
    ),
    "processes": EndText(
        "no more processes can be created",
        "Let the container start fewer processes, or raise the limit of PIDs of the node.",
    ),
    "privileges": EndText(
        "the process lacks privileges",
        "Give the container the privileges that it needs (capabilities, privileged), or run it without them.",
    ),
    "permission": EndText(
        "a file or socket cannot be accessed",
        "Correct the user (runAsUser, fsGroup) of the pod, or the mode of the file in its volume or the image.",
    ),
    "command_missing": EndText(
        "a command does not exist in the container",
        "Correct the command, or add it to the image, or to the volume that should have it.",
        IMAGE,
    ),
    "module_missing": EndText(
        "a module of the program is missing",
        "If it is one of the repository, install its dependencies before the agent starts; else correct the image.",
        IMAGE,
    ),
    "max_turns": EndText(
        "the agent reached its limit of turns or cost", "Raise the limit, or split the task into smaller ones."
    ),
    "loop": EndText("the agent stopped because it repeated itself", "Make the task more precise."),
}
"""By class, as `exporter.log_formats.endings` has them."""
_SIGNALS: Final = frozenset({130, 137, 143})
"""Exit codes after signals from outside: the process did not fail, so its last lines do not say why it ended."""
_CODES: Final = {
    126: "Exit code 126 usually is a command that cannot be executed: correct its mode in the volume or image.",
    127: "Exit code 127 usually is a command that does not exist in the image: correct the script or its image.",
    132: "SIGILL: the CPU of the node lacks an instruction that the binary uses. Use another build or node.",
    134: "SIGABRT: the process aborted itself, such as at the limit of its heap; its log says why.",
    135: "SIGBUS: look for a full disk, or for a small /dev/shm.",
    137: "SIGKILL ended the {}: look for a lack of memory, or a timeout that kills it.",
    139: "SIGSEGV: the process crashed. Use another version of the binary or the image.",
    143: "SIGTERM ended the {}: look for a timeout, or a process in the pod that ends it.",
}
"""Fixes by the exit code; 128 and the number of the signal that ended the process."""
_FAILED: Final = frozenset({"container_failed", "init_container_failed", "crash_loop", "main_container_exited"})


def exit_code_of(one: Container) -> int | None:
    """The exit code of a container, or of its last instance if it was restarted."""
    return one.exit_code if one.state == "terminated" else one.last_exit_code


def end_text(one: Container) -> EndText | None:
    """What its termination message says about its end; None if that is unknown."""
    code = exit_code_of(one)
    return END_TEXTS.get(one.end_class) if code and code not in _SIGNALS else None


def with_end_fix(finding: Finding, one: Container) -> Finding:
    """The finding that a container failed, with the fix for its termination message or its exit code."""
    if finding.cause not in _FAILED:
        return finding
    text = end_text(one)
    fix = (
        text.fix
        if text
        else _CODES.get(exit_code_of(one) or 0, "").format("agent" if one.role == "main" else one.name)
    )
    return msgspec.structs.replace(finding, fix=finding.fix or fix, act=finding.act or (text.act if text else ""))
