"""Mutation tests of the alert rules: each mutant is a rule with one small change, which its unit tests must detect.

Run `python -m tools.mutate` in the root of the repository; `--list` prints the mutants without testing them.
An expression is parsed to a tree, changed there and written back: no code here edits PromQL as text.
"""
