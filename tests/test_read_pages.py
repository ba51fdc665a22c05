"""Saved pages: paths, files and bytes, in any number and kind, become one audit frame."""

import gzip
import io
import json
import warnings
from datetime import datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.rawserver import page

import te_audit_frames as taf
from te_audit_frames.client import read_pages
from te_audit_frames.errors import AuditFramesWarning, DecodeError, InvalidArgument
from te_audit_frames.sandbox import Sandbox


def event(number, **more):
    return {"date": f"2026-01-01T00:00:{number % 60:02}Z", "uid": str(number), **more}


FIRST, SECOND = page(event(3), event(1)), page(event(2), event(1, zone="EU"))


def test_paths_files_and_bytes_are_the_same_pages(tmp_path):
    (tmp_path / "1.json").write_bytes(FIRST)
    (tmp_path / "2.json").write_bytes(SECOND)
    expected = taf.read_pages([FIRST, SECOND])
    assert expected["uid"].tolist() == ["1", "1", "2", "3"]
    paths = [tmp_path / "1.json", tmp_path / "2.json"]
    for pages in (paths, map(str, paths), [paths[0], SECOND], [io.BytesIO(FIRST), io.BytesIO(SECOND)], iter(paths)):
        pd.testing.assert_frame_equal(taf.read_pages(pages), expected)
    with paths[0].open("rb") as first:
        pd.testing.assert_frame_equal(taf.read_pages([first, paths[1]]), expected)


def test_one_page_needs_no_list(tmp_path):
    (tmp_path / "1.json").write_bytes(FIRST)
    expected = taf.read_pages([FIRST])
    for one in (FIRST, tmp_path / "1.json", str(tmp_path / "1.json"), io.BytesIO(FIRST)):
        pd.testing.assert_frame_equal(taf.read_pages(one), expected)


def test_no_page_is_an_empty_frame_of_the_same_kind():
    empty = taf.read_pages([])
    assert empty.empty
    assert list(empty.dtypes) == list(taf.read_pages(FIRST).dtypes)
    assert taf.receipt(empty).pages == 0


@pytest.mark.parametrize("wrong", [7, None, [7], [None], [b"{}".decode, FIRST], io.StringIO("{}"), [io.StringIO()]])
def test_what_is_no_page_is_named(wrong):
    with pytest.raises(InvalidArgument, match=r"^pages: item \d is a \w+; a page is a path, bytes, or a file"):
        taf.read_pages(wrong)


def test_an_item_that_is_no_page_is_named_by_position_and_type():
    with pytest.raises(InvalidArgument, match=r"^pages: item 1 is a float;"):
        taf.read_pages([FIRST, 1.5])


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        taf.read_pages([tmp_path / "none.json"])


@pytest.mark.parametrize("errors", ["ignore", "", None, True])
def test_errors_is_one_of_two_words(errors):
    with pytest.raises(InvalidArgument, match=r'^errors: .* neither "raise" nor "coerce"'):
        taf.read_pages([FIRST], errors=errors)


def test_a_fault_names_the_page(tmp_path):
    (tmp_path / "bad.json").write_bytes(page(event(1), event(2, date="soon")))
    (tmp_path / "web.html").write_bytes(b"<html>")
    with pytest.raises(DecodeError, match=r"bad\.json, event 1: field 'date' is \"soon\"") as caught:
        taf.read_pages([FIRST, tmp_path / "bad.json"])
    assert (caught.value.page, caught.value.event) == (str(tmp_path / "bad.json"), 1)
    with pytest.raises(DecodeError, match=r"web\.html is not an answer"):
        taf.read_pages([FIRST, tmp_path / "web.html"])
    with pytest.raises(DecodeError, match=r"^page 2 is not an answer"):
        taf.read_pages([FIRST, b"", FIRST])
    with pytest.raises(DecodeError, match=r"^page 2 is not an answer"):
        taf.read_pages([FIRST, io.BytesIO(b"{}")])
    with (tmp_path / "web.html").open("rb") as file, pytest.raises(DecodeError, match=r"web\.html is not an answer"):
        taf.read_pages([FIRST, file])
    with pytest.raises(DecodeError, match=r"not UTF-8|not JSON"):
        taf.read_pages([gzip.compress(FIRST)])


def test_coerced_values_are_kept_counted_and_warned_of_once():
    pages = [FIRST, page(event(4, date="soon"), 7), page(event(5, user=[1]))]
    with pytest.warns(AuditFramesWarning, match="3 values") as warned:
        events = taf.read_pages(pages, errors="coerce")
    assert (len(warned), warned[0].filename) == (1, __file__)
    assert taf.receipt(events).coerced == 3
    assert events["date"].isna().tolist() == [False, False, False, True, True]
    assert sorted(events["extra"].dropna()) == ["7", '{"date":"soon"}', '{"user":[1]}']


def test_the_receipt_does_not_claim_completeness():
    events = taf.read_pages([FIRST, SECOND])
    said = taf.receipt(events)
    assert (said.source, said.complete, said.pages, said.events, said.resolved) == ("pages", False, 2, 4, None)
    assert said.order == "unknown"
    assert any("whether these are all" in note for note in said.notes)
    assert "complete" in repr(said)
    read_at = datetime.fromisoformat(said.fetched_at)
    assert (read_at.utcoffset(), read_at.microsecond) == (timedelta(0), 0)


def test_pages_with_a_fault_of_their_own_do_not_spoil_their_group():
    odd = page(event(6, aid=7, zone="EU"))
    events = taf.read_pages([FIRST, odd, b"\xef\xbb\xbf" + SECOND, SECOND + b"\n"])
    assert taf.receipt(events).pages == 4
    assert sorted(events["uid"]) == ["1", "1", "1", "2", "2", "3", "6"]
    assert events.set_index("uid").loc["6", "aid"] == "7"


@given(
    st.lists(st.lists(st.integers(0, 300), max_size=4), max_size=12),
    st.integers(1, 600),
    st.sampled_from([None, "aid", "zone"]),
)
@settings(max_examples=examples(60), deadline=None)
def test_grouping_changes_nothing(pages, at_once, odd):
    bodies = [
        page(*[event(number, **({odd: 7} if odd and number % 5 == 0 else {})) for number in one]) for one in pages
    ]
    whole = page(*[row for body in bodies for row in json.loads(body)["auditEvents"]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_pages, "_BYTES_AT_ONCE", at_once)
        events = taf.read_pages(bodies)
    pd.testing.assert_frame_equal(events, taf.read_pages(whole))
    assert taf.receipt(events).pages == len(pages)


def test_pages_that_a_client_saved_are_the_events_that_it_fetched():
    with Sandbox(events=300, seed=6, page_size=50) as api, warnings.catch_warnings():
        client = taf.Client(token=api.token, base_url=api.url, progress=False)
        one = client.get_page(window="100d", all_account_groups=True)
        pages = [one]
        while pages[-1].next_cursor:
            pages.append(client.get_page(all_account_groups=True, cursor=pages[-1].next_cursor))
        fetched = client.fetch_events(window="100d", all_account_groups=True)
    pd.testing.assert_frame_equal(taf.read_pages([one.raw for one in pages]), fetched)
