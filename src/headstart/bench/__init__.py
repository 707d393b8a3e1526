"""Side-by-side measurements: `python -m headstart.bench`."""
