"""Labels of groups in plots: distinct, short, and drawn as they are, whatever text they contain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from te_audit_frames.analysis.dimensions import Dimension
from te_audit_frames.safe_text import drawable

if TYPE_CHECKING:
    from matplotlib.text import Text

# Fonts for characters that the configured font lacks. Fonts that are not installed are skipped. The last one comes with
# matplotlib and has a box for every character, so that matplotlib never warns of a missing one.
FALLBACK_FONTS = (
    "Noto Sans",
    "Noto Sans CJK JP",
    "Noto Sans Arabic",
    "Noto Sans Devanagari",
    "Noto Sans Hebrew",
    "Noto Sans Tamil",
    "Noto Sans Thai",
    "Arial Unicode MS",
    "Hiragino Sans",
    "Apple SD Gothic Neo",
    "Microsoft YaHei",
    "Malgun Gothic",
    "Last Resort High-Efficiency",
)


def draw_literally(texts: Iterable[Text]) -> None:
    """Draw texts as they are, in any script: no dollar sign starts a formula, and LaTeX is not used."""
    import matplotlib as mpl  # here, because reports use the labels without matplotlib

    families = [*mpl.rcParams["font.family"], *_installed_fallbacks()]
    for text in texts:
        text.set_parse_math(False)
        text.set_usetex(False)
        text.set_fontfamily(families)


@lru_cache
def _installed_fallbacks() -> list[str]:
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return [name for name in FALLBACK_FONTS if name in installed]


def list_labels(groups: pd.DataFrame, dimensions: Sequence[Dimension]) -> list[str]:
    """Return a distinct label for each group: its name, followed by its key or a number if names are equal."""
    keys = [groups[dimension.key] for dimension in dimensions]
    labels = [groups[dimension.label or dimension.key].fillna(groups[dimension.key]) for dimension in dimensions]
    names = _join(labels)
    common = Counter(names)
    names = [f"{name} [{key}]" if common[name] > 1 else name for name, key in zip(names, _join(keys), strict=True)]
    # Keys can be equal too, once they are shortened.
    distinct: dict[str, None] = {}
    for name in names:
        label, number = name, 1
        while label in distinct:
            number += 1
            label = f"{name} #{number}"
        distinct[label] = None
    return list(distinct)


def _join(columns: Sequence[pd.Series]) -> list[str]:
    return [", ".join(row) for row in zip(*(map(_shown, column) for column in columns), strict=True)]


def _shown(text: Any) -> str:
    return "(none)" if pd.isna(text) else drawable(str(text))
