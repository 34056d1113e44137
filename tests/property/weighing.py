"""Some things happen more often than others: `st.one_of` takes each strategy once, however often it is named."""

from hypothesis import strategies as st

__all__ = ["weighed"]


def weighed(*pairs):
    """One of these strategies, each given with its weight before it: a small whole number."""
    many = [strategy for weight, strategy in pairs for _ in range(weight)]
    return st.integers(0, len(many) - 1).flatmap(many.__getitem__)
