"""Damaged receipts: each is recognised, and the message names the field at fault."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import te_audit_frames as taf
from te_audit_frames.receipt_json import dump_period, fault_of, load_period
from te_audit_frames.receipts import Receipt

SOUND = taf.receipt(taf.read_pages([b'{"auditEvents": []}'])).to_dict() | {
    "resolved": {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"}
}

DAMAGES = [
    {"filters": None},
    {"filters": [{}]},
    {"filters": [{"label": None, "digest": "x", "kept": 1}]},
    {"filters": [{"label": None, "digest": "x", "kept": 1, "of": "2"}]},
    {"parts": "2"},
    {"parts": None},
    {"events": "many"},
    {"events": True},
    {"complete": 1},
    {"checked": []},
    {"checked": {"seams": None}},
    {"checked": {"differences": [1]}},
    {"account_groups": {"1": True}},
    {"notes": None},
    {"notes": [7]},
    {"scope": "all"},
    {"resolved": {"start": 7}},
    {"resolved": {"start": "2026-01-05"}},
    {"resolved": {"start": "2026-03-01", "end": "2026-03-02"}},
    {"resolved": {"start": "2026-03-02T00:00:00Z", "end": "2026-03-01T00:00:00Z"}},
    {"resolved": {"start": "0001-01-01T00:00:00Z", "end": "2026-03-01T00:00:00Z"}},
    {"fetched_at": "soon"},
    {"fetched_at": "2026-03-01"},
    {"fetched_at": "2026-03-01T00:00:00+01:00"},
]


def test_a_sound_receipt_has_no_fault():
    assert fault_of(SOUND) is None
    assert fault_of(SOUND | {"of a later version": object()}) is None
    assert fault_of(SOUND | {"resolved": None, "fetched_at": ""}) is None


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_a_damaged_receipt_is_named_by_its_field(damage):
    field = next(iter(damage.get("checked") or damage))
    fault = fault_of(SOUND | damage)
    assert fault is not None
    assert fault.startswith(f"its '{field}' ")
    events = taf.read_pages([b'{"auditEvents": []}'])
    events.attrs["te_audit_frames"] = SOUND | damage
    with pytest.raises(taf.InvalidArgument, match=rf"is damaged: its '{field}'.* Fetch or load the events again"):
        taf.receipt(events)


@pytest.mark.parametrize("name", ["source", "requested", "resolved", "scope", "complete", "events", "pages"])
def test_a_missing_field_is_named(name):
    assert fault_of({key: value for key, value in SOUND.items() if key != name}) == f"it has no {name!r}"


@pytest.mark.parametrize("junk", [None, "text", 7, [], ["source"]])
def test_what_is_no_object_is_named(junk):
    assert fault_of(junk) == "it is not a JSON object"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(SOUND)), JSON, max_size=3))
def test_whatever_passes_can_be_read_and_shown(changed: dict[str, Any]):
    plain = SOUND | changed
    if fault_of(plain) is None:
        receipt = Receipt.from_dict(plain)
        assert receipt.to_dict() == plain
        assert "Receipt" in repr(receipt)
        assert receipt.period is None or receipt.period.days >= 0


def test_a_period_is_written_and_read_back():
    period = load_period(SOUND["resolved"])
    assert str(period) == "2026-01-01T00:00:00Z to 2026-02-01T00:00:00Z"
    assert dump_period(period) == SOUND["resolved"]
