"""What the campaigns share. Each says in its mark how many cases it has: `@pytest.mark.campaign(full=…, short=…)`."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def spread(everything: Sequence[T], count: int) -> list[T]:
    """Choose so many, evenly from the first to the last."""
    if count >= len(everything):
        return list(everything)
    step = (len(everything) - 1) / max(count - 1, 1)
    return [everything[round(position * step)] for position in range(count)]
