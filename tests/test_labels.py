"""Labels of groups in plots: distinct and harmless, whatever the names are."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text

from te_audit_frames.analysis.dimensions import DIMENSIONS
from te_audit_frames.analysis.labels import FALLBACK_FONTS, draw_literally, list_labels

USER, EVENT = DIMENSIONS["user"], DIMENSIONS["event"]
NAMES = st.none() | st.sampled_from(["Ada", "Ada ", "Ada [7]", "Ada #2", "", "long " * 30, "long " * 31]) | st.text()


def groups(**columns: list[str | None]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.array(values, dtype="str") for name, values in columns.items()})


def test_a_label_is_the_name_or_else_the_key() -> None:
    assert list_labels(groups(uid=["7", "8", None], user=["Ada", None, None]), [USER]) == ["Ada", "8", "(none)"]
    assert list_labels(groups(uid=["7"], user=["Ada"], event=["User login."]), [USER, EVENT]) == ["Ada, User login."]


def test_people_of_the_same_name_are_told_apart_by_their_key() -> None:
    assert list_labels(groups(uid=["7", "8", "9"], user=["Ada", "Ben", "Ada"]), [USER]) == ["Ada [7]", "Ben", "Ada [9]"]


def test_labels_that_are_equal_once_they_are_shortened_are_numbered() -> None:
    first, second = list_labels(groups(event=["x" * 50 + "a", "x" * 50 + "b"]), [EVENT])
    assert second == f"{first} #2"


def test_a_name_that_looks_like_a_number_stays_distinct() -> None:
    labels = list_labels(groups(uid=["7", "7\x00", "8"], user=["Ada", "Ada", "Ada [7] #2"]), [USER])
    assert labels == ["Ada [7]", "Ada [7] #2", "Ada [7] #2 #2"]


@given(st.lists(st.tuples(st.none() | st.text(max_size=3), NAMES), max_size=8, unique=True))
def test_every_label_is_printable_and_distinct(pairs: list[tuple[str | None, str | None]]) -> None:
    labels = list_labels(groups(uid=[uid for uid, _ in pairs], user=[name for _, name in pairs]), [USER])
    assert len(set(labels)) == len(labels) == len(pairs)
    assert all(label.isprintable() and label.strip() for label in labels)


def test_texts_are_drawn_without_formulas_and_latex() -> None:
    text = Text(0, 0, r"$\foo$", usetex=True, parse_math=True)
    draw_literally([text])
    assert (text.get_text(), text.get_parse_math(), text.get_usetex()) == (r"$\foo$", False, False)
    assert text.get_fontfamily()[-1] == FALLBACK_FONTS[-1]
