"""The simulated agent platform: its controller, the Job controller and the pods, with objects as on the real one."""
