"""No answer that is cut short counts as whole, wherever it is cut and however it is framed.

Where the connection's end is the answer's end, a cut answer is a clean 200: only its decoding tells.
"""

import itertools
from datetime import UTC, datetime

import pytest
from support.campaign import spread
from support.rawserver import HANG_UP, RawServer, client_of, head, page, whole, zipped

import te_audit_frames as taf

START, END = datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 3, 1, 13, tzinfo=UTC)
EVENTS = [
    {
        "date": f"2026-03-01T12:{58 - number}:00Z",
        "aid": "1234",
        "event": "Login failed.",
        "uid": str(number),
        "user": 'Zoë "]}" }',
        "resources": [{"type": "testName", "name": "]}]}"}] * (number % 2),
    }
    for number in range(4)
]
FIRST = page(*EVENTS[:2], following="/v7/audit-user-events?cursor=b")
LAST = page(*EVENTS[2:], startDate="2026-03-01T11:59:59Z", endDate="2026-03-01T13:00:00Z")
TRUTH = taf.read_pages([FIRST, LAST])
# What a fetch has when the one or the other page does not come.
WITHOUT = {FIRST: TRUTH[:0], LAST: TRUTH[2:].reset_index(drop=True)}


def in_chunks(body, **headers):
    """Frame a body in chunks of many sizes, with the zeros, extensions and trailers that HTTP allows."""
    sizes, sent, place = itertools.cycle([1, 2, 17, 40, 160]), head(Transfer_Encoding="chunked", **headers), 0
    while chunk := body[place : place + next(sizes)]:
        sent += b"%04x;name=value\r\n%s\r\n" % (len(chunk), chunk)
        place += len(chunk)
    return sent + b"0\r\nTrailer: value\r\n\r\n"


FRAMINGS = {
    "length": whole,
    "chunked": in_chunks,
    "close": lambda body: head(Connection="close") + body,
    "gzip, length": lambda body: whole(zipped(body), Content_Encoding="gzip"),
    "gzip, chunked": lambda body: in_chunks(zipped(body), Content_Encoding="gzip"),
    "gzip, close": lambda body: head(Connection="close", Content_Encoding="gzip") + zipped(body),
}
# Of the two, the first page comes over a new connection, the last over one that was used before.
CUTS = [
    (body, framing, place)
    for body in (FIRST, LAST)
    for framing, framed in FRAMINGS.items()
    for place in range(len(framed(body)))
]


def cutting(body, answer):
    """Answer with whole pages, but for one of them, the first time, with what there is of it."""
    waiting = [[answer, HANG_UP]]

    def script(request):
        asked = LAST if "cursor" in request.query else FIRST
        return waiting.pop() if waiting and asked is body else whole(asked)

    return script


@pytest.mark.campaign(full=len(CUTS), middle=150)
@pytest.mark.full
def test_an_answer_cut_short_is_asked_for_again_or_is_an_error(cases):
    errors = 0
    with RawServer([b""]) as api:
        for body, framing, place in spread(CUTS, cases):
            case = f"{'first' if body is FIRST else 'last'} page, {framing}, cut at byte {place}"
            answer = FRAMINGS[framing](body)[:place]
            api._script = cutting(body, answer)
            frame = client_of(api, workers=1, retries=1).fetch_events(start=START, end=END, all_account_groups=False)
            assert frame.equals(TRUTH), case
            api._script = cutting(body, answer)
            try:
                frame = client_of(api, workers=1, retries=0).fetch_events(
                    start=START, end=END, all_account_groups=False
                )
            except (taf.NetworkError, taf.DecodeError) as error:
                assert error.partial.equals(WITHOUT[body]), case
                assert error.missing == [taf.Period(START, END)], (
                    case
                )  # one page does not vouch for the order of the rest
                errors += 1
            else:
                assert frame.equals(TRUTH), case  # what is cut off may be a checksum, or what chunks end with
    assert errors > 0.9 * cases, "few cuts were felt"
