"""Benchmarks: one program per claim, which also measures other tools in the same run.

``python -m benchmarks`` runs all but `review` in a short setting and writes `RESULTS.md`; ``--full`` takes the sizes
that the claims name. ``python -m benchmarks.decode`` and so on run one alone.
"""
