"""PromQL expressions as trees: parses, traverses and formats them."""
