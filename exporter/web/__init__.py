"""What is served: metrics, health, and a plain page for a person."""
