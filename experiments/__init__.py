"""Scripts: `python -m experiments.train`, `.sample`; each says what it takes with `--help`."""
