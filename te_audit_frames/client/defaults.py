"""Defaults of a client that the command line shows, apart from the client, so that ``--help`` starts quickly."""

WORKERS = 8
"""Requests that are sent at once."""

DEADLINE = 3_600.0
"""Seconds after which a fetch gives up."""

RESERVE = 0.0
"""The share of the rate limit that is left to others."""
