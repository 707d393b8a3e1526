"""The press: it turns each manuscript of book/chapters into a notebook of stubs and a sheet of answers."""


class PressError(Exception):
    """A manuscript or a wing that cannot be printed, told in one sentence to the person who wrote it."""
