"""Generates the files of the kustomize base and the Helm chart from code, rules, dashboards and policies."""
