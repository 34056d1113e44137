"""What goes on in a cluster while an exporter may not be looking."""

from lab.controlplane.platform_namespace import PlatformNamespace

__all__ = ["change"]


def change(platform: PlatformNamespace) -> None:
    """Something of everything, while the exporter may not be looking: made, changed, deleted, made again."""
    platform.delete_job("run-0-job")
    platform.delete_run("run-1")
    platform.start_job("run-2-job")
    platform.set_phase("run-2", "Running")
    platform.make_job(platform.make_run("run-4"))
    platform.delete_run("run-3")
    platform.make_run("run-3")
    platform.set_templates({"code_implement.sh": "#!/bin/bash"})
