"""Settings with which the chart is rendered, by what is special about them."""

from lab import fast_yaml
from tests.deploy.rendering import ROOT

KINDS = [{"group": "orchestrator.platform"}, {"plural": "docsruns", "kind": "DocsRun"}]
SETTINGS = {
    "the smallest numbers, and no limit of costs": {
        "web": {"max_requests": 0},
        "retention": 0,
        "thresholds": {
            "job_max_runtime": 0.5,
            "run_cost_limit": "none",
            "hourly_cost_limit": 0.01,
            "agents": {"rex": {"run_cost_limit": 1, "hourly_cost_limit": "none"}},
        },
    },
    "neither Pods nor Events": {"pods": {"enabled": False}, "events": {"enabled": False}},
    "Pods as workers, and not those of Jobs": {
        "pods": {"enabled": False},
        "coderuns": {"kinds": ["tasks.kubeopencode.io"]},
    },
    "logs": {"logs": {"enabled": True}},
    "workflows": {"workflows": {"enabled": True}},
    "workflows of two namespaces": {"namespaces": ["a", "b"], "workflows": {"enabled": True}},
    "a log format": {
        "logs": {"enabled": True, "formats": [{"name": "a", "events": [{"when": {"b": 1}, "cost": {"last": "c"}}]}]}
    },
    "logs of two namespaces": {"namespaces": ["a", "b", "a"], "logs": {"enabled": True}},
    "one namespace": {"namespaces": ["agent-platform"]},
    "two namespaces, one of them twice": {"namespaces": ["a", "b", "a"]},
    "two kinds of two groups": {"coderuns": {"kinds": KINDS}},
    "shipped profiles and one inline": {
        "coderuns": {
            "kinds": [
                "tasks.kelos.dev",
                "tasks.v1alpha1.kubeopencode.io",
                "jobs.batch",
                "buildkite",
                {"resource": "runs.v1beta2.v2.example.com", "kind": "Run", "about": {"agent": [".spec.a", "b"]}},
            ]
        }
    },
    "a shipped profile of Pods, with its version": {"coderuns": {"kinds": ["taskruns.v1.tekton.dev"]}},
    "a shipped profile of Pods, with the default worker": {
        "coderuns": {"kinds": [{"resource": "tasks.kubeopencode.io", "worker": {}}]}
    },
    "a shipped profile of Pods, changed": {"coderuns": {"kinds": [{"resource": "sandboxes.agents.x-k8s.io"}]}},
    "a shipped profile of Pods, with Jobs": {
        "coderuns": {"kinds": [{"resource": "tasks.v1alpha1.kubeopencode.io", "worker": {"when": {".a": ["b"]}}}]}
    },
    "Pods of an own profile": {
        "namespaces": ["a", "b"],
        "coderuns": {"kinds": [{"plural": "runs", "kind": "Run", "worker": {"is": "Pod", "selector": "a"}}]},
    },
    "Pods or Jobs, and a kind without a worker": {
        "coderuns": {
            "kinds": [
                {"resource": "runs.v1.example.com", "kind": "Run"},
                {"resource": "xs.v1.b.c", "kind": "X", "worker": [{"is": "Job", "when": {".a": [1]}}, {"is": "Pod"}]},
            ]
        }
    },
    "ConfigMaps elsewhere, one with keys and one twice": {
        "namespaces": ["a"],
        "configmaps": {"namespace": "t", "required": [{"name": "x.y", "keys": ["k"]}, "z", "z"]},
    },
    "ConfigMaps by a pattern": {"configmaps": {"required": ["a", {"name": "x-*"}]}},
    "no ConfigMaps": {"configmaps": {"required": []}},
    "ConfigMaps that a profile of another platform requires": {
        "coderuns": {"kinds": [{"resource": "tasks.kelos.dev", "requires_configmaps": True}]}
    },
    "ConfigMaps that the profile of the platform does not require": {
        "coderuns": {"kinds": [{"requires_configmaps": False}, "tasks.kelos.dev"]}
    },
    "ConfigMaps by name, for a platform that requires none": {
        "coderuns": {"kinds": ["tasks.kelos.dev"]},
        "configmaps": {"required": ["a"]},
    },
    "runs that are workers": {
        "coderuns": {"kinds": ["sandboxclaims.extensions.agents.x-k8s.io", "sandboxes.agents.x-k8s.io"]}
    },
    "every setting": fast_yaml.load((ROOT / "docs/coderun-exporter.yml").read_text()),
}
del SETTINGS["every setting"]["kubernetes"]
for _name in ("listen_addresses", "config_file"):
    del SETTINGS["every setting"]["web"][_name]
