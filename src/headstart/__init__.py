"""Head Start: an executable interview course on attention and multi-head attention."""

__version__ = "0.1.0"


def __getattr__(name):
    """`headstart.check`, found when asked for: importing a wing must cost no more than its array library."""
    if name == "check":
        from headstart.judge.check import check

        return check
    raise AttributeError(f"module 'headstart' has no attribute {name!r}")
