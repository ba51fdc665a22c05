"""Cursors: they hold a place and a query, and a made-up one is noticed."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.sandbox.cursors import Cursor, read_cursor, write_cursor

WHOLE = st.integers(0, 10**12)
CURSORS = st.builds(
    Cursor, WHOLE | st.tuples(WHOLE, WHOLE, WHOLE), st.none() | st.text(), st.none() | WHOLE, WHOLE, WHOLE
)


@given(CURSORS)
def test_a_cursor_is_read_as_it_was_written(cursor):
    assert read_cursor(write_cursor(cursor)) == cursor


@given(CURSORS, st.data())
def test_a_cursor_with_another_byte_is_refused(cursor, data):
    sealed = bytearray(base64.b64decode(write_cursor(cursor)))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    assert read_cursor(base64.b64encode(sealed).decode()) is None


@given(st.text(max_size=40))
def test_a_text_that_is_no_cursor_is_refused(text):
    assert read_cursor(text) is None
