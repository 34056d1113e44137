"""Mutation tests of the alert rules: each rule is broken in one small way, and its unit tests must notice.

`python -m tools.mutate` from the root of the repository; `--list` names the mutants without running them.
An expression goes from text to a tree, is changed there, and goes back to text: nothing here edits PromQL as text.
"""
