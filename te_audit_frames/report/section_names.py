"""The names of the sections of a report, apart from what makes them, so that the command line starts quickly."""

from __future__ import annotations

from typing import Literal, get_args

SectionName = Literal[
    "completeness",
    "findings",
    "activity",
    "heatmap",
    "who",
    "what",
    "where",
    "access",
    "deletions",
    "evidence",
]

SECTIONS: tuple[SectionName, ...] = get_args(SectionName)
"""Every section, in the order of the report."""
