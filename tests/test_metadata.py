"""The footer of a file: what a frame's attrs become there, and what is refused when it is read."""

from dataclasses import fields
from datetime import datetime

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

import te_audit_frames as taf
from te_audit_frames.schema import ARROW_SCHEMA, ATTRS_KEY, COLUMNS
from te_audit_frames.storage.metadata import dump_metadata, load_attrs

PAGE = b'{"auditEvents": [{"event": "User login.", "date": "2026-01-05T09:00:00Z"}]}'

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 10**7)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "api", "2026-01-05T00:00:00Z", "2026-01-05", "2026-01-05T00:00:00", "9999-12-31T23:59:59Z"])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["start", "end", "aid", "x"]), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.text(max_size=5).filter(lambda key: key != ATTRS_KEY), VALUES, max_size=4))
@settings(deadline=None, max_examples=examples(50))
def test_attrs_come_back_as_they_were(attrs):
    footer = {key.encode(): value.encode() for key, value in dump_metadata(attrs).items()}
    assert load_attrs(footer, file="events.parquet") == attrs
    assert set(footer) == {b"te_audit_frames", b"PANDAS_ATTRS", b"ARROW:schema"}


def test_a_file_without_the_keys_has_no_attrs():
    assert load_attrs({b"pandas": b"{}"}, file="events.parquet") == {}


@pytest.mark.parametrize("attrs", [{"at": datetime(2026, 1, 1)}, {"share": float("nan")}, {("a", "b"): 1}, {"s": {1}}])
def test_attrs_that_are_not_json_are_refused(tmp_path, attrs):
    events = taf.read_pages([PAGE])
    events.attrs = attrs
    with pytest.raises(taf.InvalidArgument, match=r"events\.attrs: a file can keep only plain JSON"):
        taf.write_parquet(events, tmp_path / "events.parquet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("footer", "error", "message"),
    [
        (
            {"te_audit_frames": '{"schema_version": 2}'},
            taf.NotAnAuditFrame,
            r"events\.parquet was written by a newer .*version 2.*upgrade",
        ),
        ({"te_audit_frames": '{"schema_version": "x"}'}, taf.NotAnAuditFrame, "newer"),
        ({"te_audit_frames": "{"}, taf.DamagedFile, "te_audit_frames in its footer is not a JSON object"),
        ({"PANDAS_ATTRS": "[]"}, taf.DamagedFile, "PANDAS_ATTRS in its footer is not a JSON object"),
    ],
)
def test_a_footer_that_cannot_be_understood_is_named(tmp_path, footer, error, message):
    rows = ARROW_SCHEMA.empty_table().replace_schema_metadata(footer)
    pq.write_table(rows, tmp_path / "events.parquet")
    with pytest.raises(error, match=message):
        taf.read_parquet(tmp_path / "events.parquet")


@pytest.mark.parametrize("text", [b"{", b"[]", b"\xff", b'"x"', b"[" * 100_000, b'{"te_audit_frames": []}'])
def test_garbage_in_the_place_of_a_receipt_is_named(tmp_path, text):
    rows = pa.table({name: pa.nulls(0, ARROW_SCHEMA.field(name).type) for name in COLUMNS})
    pq.write_table(rows.replace_schema_metadata({b"PANDAS_ATTRS": text}), tmp_path / "events.parquet")
    for act in (taf.read_parquet, taf.Archive(tmp_path / "a").import_parquet):
        with pytest.raises(taf.DamagedFile, match=r"events.parquet is damaged: .* Restore it from a backup"):
            act(tmp_path / "events.parquet")


@pytest.mark.full
@given(
    changed=st.dictionaries(st.sampled_from(sorted(field.name for field in fields(taf.Receipt))), VALUES, max_size=4),
    removed=st.sets(st.sampled_from(sorted(field.name for field in fields(taf.Receipt))), max_size=3),
    instead=st.none() | VALUES,
)
@settings(deadline=None, max_examples=examples(300))
def test_a_receipt_in_a_footer_is_sound_or_the_file_is_named(tmp_path_factory, changed, removed, instead):
    folder = tmp_path_factory.mktemp("receipts")
    events = taf.read_pages([PAGE])
    period = {"start": "2026-01-05T00:00:00Z", "end": "2026-01-06T00:00:00Z"}
    proof = {"source": "api", "resolved": period, "scope": {"aid": None, "all_account_groups": True}}
    plain = {**taf.receipt(events).to_dict(), **proof, "complete": True, **changed}
    plain = {name: value for name, value in plain.items() if name not in removed}
    events.attrs[ATTRS_KEY] = plain if instead is None else instead
    path = folder / "events.parquet"
    taf.write_parquet(events, path)

    def show(start=None):
        read = taf.read_parquet(path, start=start)
        if read.attrs[ATTRS_KEY] is not None:
            repr(taf.receipt(read)), taf.receipt(read).period

    for act in (show, lambda: show("2026-01-05T12:00:00Z"), lambda: taf.Archive(folder / "a").import_parquet(path)):
        try:
            act()
        except taf.DamagedFile as error:
            assert "events.parquet is damaged: the receipt in its footer" in str(error)
            assert "Restore it from a backup" in str(error)


def test_plain_pandas_restores_the_attrs(tmp_path):
    events = taf.read_pages([PAGE])
    events.attrs["note"] = "kept"
    taf.write_parquet(events, tmp_path / "events.parquet")
    assert pd.read_parquet(tmp_path / "events.parquet").attrs == events.attrs
