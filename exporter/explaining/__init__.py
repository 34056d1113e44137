"""The command `explain`: reads runs from a cluster, a running exporter or a dump, and prints their explanations."""
