"""Measured claims: one program a claim, each with its peers in the same run.

``python -m benchmarks`` runs them all in a short setting and writes `RESULTS.md`; ``--full`` takes the sizes that the
claims name. ``python -m benchmarks.decode`` and so on run one alone.
"""
