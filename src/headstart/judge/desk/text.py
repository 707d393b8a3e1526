"""Text that strangers wrote, made fit to be shown."""


def shown(text, limit=500):
    """One printable line: control characters, direction marks and lone surrogates escaped, the rest cut off.

    A terminal, a log or a table that prints it cannot be made to move its cursor, change colour or forge a line.
    """
    line = text[:limit]
    if not line.isprintable():
        line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    return line if len(text) <= limit else f"{line} …"
