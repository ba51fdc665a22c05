"""How many examples a property test tries."""

from hypothesis import settings


def examples(count: int, *, brief: int | None = None) -> int:
    """Scale a number of examples to the profile: all of them with `--full`; else `brief`, by default a tenth."""
    is_full = settings.default.max_examples == 100
    return count if is_full else max(1, count // 10) if brief is None else brief
