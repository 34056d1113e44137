"""What the kustomize base and the Helm chart hold that is made from code, rules, dashboards and policies."""
