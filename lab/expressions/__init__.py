"""PromQL expressions as trees: parsed, walked, and written again."""
