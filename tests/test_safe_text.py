"""Foreign text made harmless: nothing in it acts, and readers can still see what it was."""

import csv
import io
import json
import re
import sys
import unicodedata
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from te_audit_frames.checks.judging.findings import compared
from te_audit_frames.checks.judging.rarity import Rarity
from te_audit_frames.safe_text import (
    LONGEST_LABEL,
    cut_to_width,
    drawable,
    excerpt,
    harmless_cell,
    harmless_json,
    original_cell,
    original_json,
    printable,
    visible,
    width,
)
from te_audit_frames.storage.archive_writer import NewContent
from te_audit_frames.storage.coverage import Coverage, DayRecord
from te_audit_frames.storage.manifest import Entry, Manifest
from te_audit_frames.storage.sync_report import SyncReport
from te_audit_frames.storage.verification import Verification

ACTING = "\x1b\x07\x00\x7f\x9b\r\n\t\u2028\u2029\u202e\u2066\u200b\u200d\ufeff\u00ad\ud800\U000e0041"
any_text = st.text() | st.text(st.sampled_from(ACTING + "Ada日e\u0301 \u00a0👩=;'"), max_size=30)


# ---- messages --------------------------------------------------------------------------------------------------------


@given(any_text)
def test_printable_text_is_printable_and_loses_nothing(text):
    shown = printable(text)
    assert shown.isprintable()
    assert printable(shown) == shown
    pieces = iter(re.findall(r"\\(?:x..|u.{4}|U.{8}|[nrt])|.", printable(text.replace("\\", "/"))))
    for char in text.replace("\\", "/"):
        piece = next(pieces)
        assert char == (piece.encode().decode("unicode_escape") if len(piece) > 1 else piece)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ok\n2026-01-01 ERROR root: pay up", r"ok\n2026-01-01 ERROR root: pay up"),
        ("\x1b[2J\x9b31m", r"\x1b[2J\x9b31m"),
        ("invoice\u202egnp.exe", r"invoice\u202egnp.exe"),
        ("\ud800", r"\ud800"),
        ("Zoë 日本 नाम 👩", "Zoë 日本 नाम 👩"),
    ],
    ids=ascii,
)
def test_characters_that_act_are_escaped(text, shown):
    assert printable(text) == shown


@given(any_text, st.integers(1, 40))
def test_an_excerpt_is_the_beginning_of_the_printable_text(text, limit):
    shown = excerpt(text, limit)
    assert len(shown) <= limit
    assert shown.isprintable()
    assert excerpt(shown, limit) == shown
    whole = printable(text)
    assert shown == whole if len(whole) <= limit else whole.startswith(shown.removesuffix("…"))


def test_an_excerpt_cuts_no_escape_in_two():
    assert excerpt("\x1b" * 9, 10) == r"\x1b\x1b…"


# ---- terminals -------------------------------------------------------------------------------------------------------


@given(any_text)
@example("0\r\x1b\r0")
def test_visible_text_is_one_line_without_characters_that_act(text):
    line = visible(text)
    assert not {unicodedata.category(char) for char in line} & {"Cc", "Cs", "Zl", "Zp"}
    assert {char for char in line if unicodedata.category(char) == "Cf"} <= {"\u200c", "\u200d"}
    assert visible(line) == line
    assert [char for char in text if char.isalnum()] == [char for char in line if char.isalnum()]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0),
        ("Ada", 3),
        ("日本 Ｔａｒｏ", 13),
        ("Zoe\u0308", 3),
        ("\u0301", 0),
        ("नाम", 3),
        ("ชื่อ", 2),
        ("نور", 3),
        ("\U0001f600", 2),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", 2),  # a family is one picture
        ("\u2764\ufe0f", 2),
        ("\U0001f1e9\U0001f1ea", 2),  # two letters are one flag
        ("\U0001f44d\U0001f3fd", 2),
        ("한국", 4),
    ],
    ids=ascii,
)
def test_the_width_is_that_on_a_terminal(text, columns):
    assert width(text) == columns
    assert width(f"{text} {text}") == 2 * columns + 1


@given(any_text.map(visible), st.integers(0, 9))
def test_each_trailing_space_takes_a_column(text, blanks):
    assert 0 <= width(text) <= 2 * len(text)
    assert width(text + " " * blanks) == width(text) + blanks


@given(any_text.map(visible), st.integers(1, 20))
def test_text_is_cut_to_a_width(text, room):
    cut = cut_to_width(text, room)
    assert width(cut) <= room
    assert len(cut) <= 4 * room
    assert cut_to_width(cut, room) == cut
    assert text.startswith(cut.removesuffix("…"))


def test_an_emoji_of_several_characters_is_not_cut_in_two():
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert cut_to_width(family * 3, 5) == family * 2 + "…"


# ---- pictures --------------------------------------------------------------------------------------------------------


@given(any_text)
def test_a_label_is_short_printable_and_not_empty(text):
    label = drawable(text)
    assert label.strip() == label != ""
    assert label.isprintable()
    assert len(label) <= LONGEST_LABEL
    assert drawable(label) == label


# ---- spreadsheets ----------------------------------------------------------------------------------------------------

cells = any_text | st.text(st.sampled_from("=+-@＝;|\t\r\n'\" \u200b\x00,x5\\"), max_size=12)
# White space, control and format characters. Half a surrogate pair is visible, because no file can hold it as it is.
INVISIBLE = "".join(
    sign for sign in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(sign) in ("Cc", "Cf", "Zs", "Zl", "Zp")
)
FORMULA = re.compile(r"[=+\-@\uff1d\uff0b\uff0d\uff20\u2212]")


def first_sign(cell):
    """Return the first visible character of a cell, independently of the code under test."""
    return next((sign for sign in cell if sign not in INVISIBLE and sign != '"'), "")


def split(line, separator):
    """Split a line as programs do: respecting quotes, and with a separator other than the comma also ignoring them."""
    if separator != ",":
        yield from re.split(f"[{re.escape(separator)}\r\n]", line)
    yield from (cell for row in csv.reader(io.StringIO(line, newline=""), delimiter=separator) for cell in row)


def unguarded(cell):
    """Remove the guards again."""
    skipped = f"""[;|'"{re.escape(INVISIBLE)}]"""
    operators = r"[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212\u207a\u207b\u207c\u208a\u208b\u208c]"
    cell = re.sub(rf"\A'(?={skipped}*{operators}|'*[\t\r\n])", "", cell)
    return re.sub(rf"(?<=[;|\t\r\n])'(?={skipped}*{operators})", "", cell)


def test_an_invisible_character_of_any_kind_hides_no_formula():
    assert {sign for sign in INVISIBLE if "'" not in harmless_cell(f"{sign}=1")} == set()


@given(cells, cells)
@example("Ada;=cmd|' /C calc'!A0", "")
@example("Ada\t=1+1", "x")
@example('Ada;"=1+1"', 'a"b')
@example("x\n=1", "")
@example("x;", "=1")
def test_no_cell_starts_a_formula_with_any_separator(one, other):
    file = io.StringIO()
    csv.writer(file).writerow([harmless_cell(one), harmless_cell(other), "Ada"])
    for separator in ",;\t|":
        for cell in split(file.getvalue(), separator):
            assert not FORMULA.match(first_sign(cell)), (separator, cell)


@given(cells)
@example("'\t=1")
@example("';'=")
def test_guards_can_be_removed_again(text):
    guarded = harmless_cell(text)
    assert unguarded(guarded) == text
    assert guarded.replace("'", "") == text.replace("'", "")


@given(cells)
@example("'\t=1")
@example(";;=")
@example("\tx")
@example("''\n")
def test_the_original_of_a_harmless_cell_is_found_again(text):
    assert original_cell(harmless_cell(text)) == text


@given(cells)
@example("\tx")
@example("'Ada;=1")
def test_a_cell_has_an_original_only_if_it_is_harmless_as_it_stands(text):
    original = original_cell(text)
    assert original is None or harmless_cell(original) == text
    assert original is not None or harmless_cell(text) != text


@pytest.mark.parametrize(
    "text", ["Ada", "a=1", "1-2", "ana@example.com", "'t Hooft", "10.0.0.0/8", "a; b", "x|y", "Ada, -5", "日本；=", ""]
)
def test_a_harmless_cell_stays_as_it_is(text):
    assert harmless_cell(text) == text


json_values = st.recursive(
    st.none() | st.integers() | st.floats(allow_nan=False) | cells,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(cells, inner, max_size=3),
    max_leaves=8,
)


@given(json_values, st.booleans(), st.sampled_from([(",", ":"), (", ", ": ")]))
@example("a;=1", True, (",", ":"))
@example(["a;", -1], True, (", ", ": "))
def test_json_stays_the_same_and_starts_no_formula_after_a_separator(value, is_ascii, separators):
    text = json.dumps(value, ensure_ascii=is_ascii, separators=separators)
    harmless = harmless_json(text)
    assert json.loads(harmless) == value
    for cell in re.split("[;|]", harmless)[1:]:
        assert not FORMULA.match(first_sign(cell)), harmless


@given(json_values)
@example("a;=1")
@example(r"a;\u003d")
def test_the_original_of_harmless_json_is_found_again(value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert original_json(harmless_json(text)) == text


@pytest.mark.few(count=2)
@pytest.mark.parametrize("text", ["\t", ";", "'\"", ";x", "x", "=;"])
def test_long_texts_take_linear_time(text):
    # If every position were searched again, this would take hours.
    assert len(harmless_cell(text * 200_000)) >= 200_000
    assert len(harmless_json(text * 200_000)) >= 200_000
    assert len(original_cell(harmless_cell(text * 200_000))) == len(text) * 200_000
    assert len(original_json(text * 200_000)) == len(text) * 200_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            lambda: compared(Rarity(0.1, 0, 1, 0, 1, "other people"), "it"),
            "1 earlier active week, and in 0 of 1 active week of",
        ),
        (lambda: Verification("a", 1, 1, unfinished=1), "1 file, which an interrupted sync"),
        (
            lambda: SyncReport("a", "", "", events_added=1, days_added=1, requests=1).summary,
            "1 event added, 1 day new, 0 changed, 0 read up to , 1 request;",
        ),
        (lambda: SyncReport("a", "", "", users=1).summary, "1 person (roles as before)"),
        (lambda: SyncReport("a", "", "", coerced_values=1, retries=1), "of these 1 retry and 0"),
        (lambda: Coverage({date(2026, 1, 5): DayRecord(1, ())}), "(1 day, 2026-01-05 to 2026-01-05, 1 event)"),
        (lambda: Manifest({"a": Entry("", 1)}, groups=("1",)), "(1 file, 1 account group, "),
        (lambda: NewContent(b"x"), "1 byte"),
    ],
)
def test_one_of_a_thing_is_written_in_the_singular(text, expected):
    assert expected in re.sub(" +", " ", str(text()))
