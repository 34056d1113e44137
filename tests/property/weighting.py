"""A strategy that chooses from weighted strategies. `st.one_of` ignores duplicates."""

from hypothesis import strategies as st

__all__ = ["weighted"]


def weighted(*pairs):
    """One of the strategies of (weight, strategy) pairs. Weights are small integers."""
    many = [strategy for weight, strategy in pairs for _ in range(weight)]
    return st.integers(0, len(many) - 1).flatmap(many.__getitem__)
