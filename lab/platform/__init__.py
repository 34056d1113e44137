"""The simulated agent platform: its controller, the Job controller and its pods, in the objects of the real ones."""
