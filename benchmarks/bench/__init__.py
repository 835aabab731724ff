"""What autogen-vitals costs, side by side with its peers: ``make bench``, or ``python -m bench`` in ``benchmarks/``."""
