"""What goes on in a cluster while an exporter may not be looking."""

from lab.controlplane.platform_namespace import PlatformNamespace

__all__ = ["change"]


def change(place: PlatformNamespace) -> None:
    """Something of everything, while the exporter may not be looking: made, changed, deleted, made again."""
    place.delete_job("run-0-job")
    place.delete_run("run-1")
    place.start_job("run-2-job")
    place.set_phase("run-2", "Running")
    place.make_job(place.make_run("run-4"))
    place.delete_run("run-3")
    place.make_run("run-3")
    place.set_templates({"code_implement.sh": "#!/bin/bash"})
