"""docs/worlds.md: the platform's objects as worlds, and what the shipped rules raise and deliver in each."""
