"""JSON files that carry their own SHA-256."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

from te_audit_frames.errors import ArchiveError
from te_audit_frames.schema import SCHEMA_VERSION
from te_audit_frames.storage.checksummed_json import check_version, dump_checked, load_checked

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
CONTENT = st.dictionaries(st.text(max_size=5).filter(lambda key: key != "sha256"), JSON, min_size=1, max_size=4)


@given(CONTENT)
@settings(deadline=None, max_examples=examples(60))
def test_content_comes_back_and_always_gives_the_same_bytes(content):
    dumped = dump_checked(content)
    assert load_checked(dumped) == content
    assert dump_checked(load_checked(dumped)) == dumped


@given(CONTENT, st.data())
@settings(deadline=None, max_examples=examples(60))
def test_any_flipped_bit_and_any_cut_is_found(content, data):
    dumped = dump_checked(content)
    place = data.draw(st.integers(0, len(dumped) - 1))
    flipped = bytearray(dumped)
    flipped[place] ^= 1 << data.draw(st.integers(0, 7))
    assert load_checked(bytes(flipped)) is None
    assert load_checked(dumped[:place]) is None


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b"\xff", b'{"sha256":"0"}', b"[" * 100_000])
def test_other_content_is_refused(content):
    assert load_checked(content) is None


def test_other_tools_can_verify_the_digest():
    first, rest = dump_checked({"days": {"a": 1}, "more": 2}).split(b"\n", 1)
    digest = first.removeprefix(b'{"sha256":"').removesuffix(b'",').decode()
    assert hashlib.sha256(b"{" + rest.rstrip(b"\n")).hexdigest() == digest


def test_only_a_file_of_a_newer_version_is_refused():
    check_version({"schema_version": SCHEMA_VERSION}, file="coverage.json")
    with pytest.raises(ArchiveError, match=r"^coverage.json was written by a newer te_audit_frames; upgrade"):
        check_version({"schema_version": SCHEMA_VERSION + 1}, file="coverage.json")
