"""An HTTP server with metrics of objects above and below their limits, for tests without a cluster."""

import http.server
import time

from lab.loopback import Loopback

__all__ = ["HOUR", "OverdueMetrics"]

HOUR = 3600.0


class OverdueMetrics(Loopback):
    """Serves the metrics at `address`. Ages count from `made`, the Unix time at which it was created.

    Runs without a Job: `late` (an hour) and `young`. Unfinished Jobs with the default limit: `late` (two hours) and
    `young`. With a configured limit: `limited` (two hours). A required ConfigMap is missing.
    """

    def __init__(self) -> None:
        self.made = time.time()
        self._text = "".join(
            [
                *(self._run(name, age=age) for name, age in (("late", HOUR), ("young", 60.0))),
                *(self._job(name, age=age) for name, age in (("late", 2 * HOUR), ("young", HOUR / 2))),
                self._job("limited", age=2 * HOUR),
                'job_max_runtime_configured{namespace="n",job_name="limited"} 1\n',
                'configmap_watched{namespace="n",configmap="templates"} 1\n',
                'configmap_health{namespace="n",configmap="templates"} 0\n',
            ]
        ).encode()
        super().__init__(self._handler())

    def _run(self, name: str, *, age: float) -> str:
        labels = f'namespace="n",coderun="{name}"'
        return (
            f"coderun_created_timestamp{{{labels}}} {self.made - age}\n"
            f"coderun_without_job_since_timestamp_seconds{{{labels}}} {self.made - age}\n"
            f"coderun_job_creation_deadline_seconds{{{labels}}} 600\n"
            f'coderun_state{{{labels},state="open"}} 1\n'
            f'coderun_phase{{{labels},phase="Pending"}} 1\n'
            f'coderun_job_name{{{labels},job_name=""}} 1\n'
        )

    def _job(self, name: str, *, age: float) -> str:
        labels = f'namespace="n",job_name="{name}"'
        return (
            f"job_created_timestamp{{{labels}}} {self.made - age}\n"
            f"job_start_time{{{labels}}} {self.made - age}\n"
            f"job_max_runtime_seconds{{{labels}}} 3600\n"
            f"job_deadline_seconds{{{labels}}} 86400\n"
            f"job_active{{{labels}}} 1\n"
        )

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        text = self._text

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                """Does not log."""

        return Handler
