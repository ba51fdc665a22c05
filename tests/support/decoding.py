"""What the tests of the two decoders share."""

from datetime import UTC, datetime

from support.rawserver import page as body_of
from te_audit_frames.client.decode import decode_page
from te_audit_frames.client.decode_fallback import decode_exactly

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
EVENT = {
    "date": "2026-01-01T00:00:00Z",
    "aid": "1234",
    "accountGroupName": "Main",
    "event": "Login failed.",
    "uid": "77",
    "user": "Ann (ann@example.com)",
    "ipAddress": "99.128.0.0/11",
    "resources": [{"type": "testName", "name": "home"}],
}


def rows_of(body, errors="raise"):
    return decode_page(body, name="1", errors=errors).batch.to_pylist()


def row_of(event, errors="raise"):
    return rows_of(body_of(event), errors)[0]


def careful(body, errors="raise"):
    return decode_exactly(body, body, "1", errors)
