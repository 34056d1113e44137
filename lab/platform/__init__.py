"""Simulates the agent platform: its controller, the Job controller and the pods, with objects like the real ones."""
