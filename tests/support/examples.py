"""How many examples a property test tries."""

from hypothesis import settings


def examples(count: int) -> int:
    """Scale a number of examples to the profile: all of them with `--full`, a tenth without."""
    return max(1, count * settings.default.max_examples // 100)
