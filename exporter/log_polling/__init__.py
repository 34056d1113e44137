"""Reads the logs of agents, periodically and without following them.

Following would take an inotify instance of the node for each container, of which a node has 128 by default.
"""
