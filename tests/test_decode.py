"""The two decoders: they agree wherever both answer, they lose nothing, and nothing that is sent can crash them."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.decoding import EVENT, NEW_YEAR, careful, row_of, rows_of
from support.examples import examples
from support.rawserver import page as body_of

from te_audit_frames.client.decode import _decode_fast, decode_many, decode_page
from te_audit_frames.errors import DecodeError
from te_audit_frames.schema import ARROW_SCHEMA, FIELDS


def fast(body):
    return _decode_fast(body, body)


def assert_same(ours, theirs):
    assert ours.batch.schema == theirs.batch.schema == ARROW_SCHEMA
    assert ours.batch.equals(theirs.batch), (ours.batch.to_pylist(), theirs.batch.to_pylist())
    assert (ours.start, ours.end, ours.next_href, ours.coerced, ours.raw) == (
        theirs.start,
        theirs.end,
        theirs.next_href,
        theirs.coerced,
        theirs.raw,
    )


# ---- what may be sent --------------------------------------------------------------------------------------------

TEXT = st.text(max_size=5) | st.sampled_from(["", "\0", "é🙂", '"\\', "null", "2026-01-01", "\u2028", "\ufeff"])
LONE = st.sampled_from(["\ud800", "a\udfffb"])
DIGITS = st.integers(0, 99).map("{:02}".format)
DATES = st.builds(
    "{}-{}-{}{}{}{}".format,
    st.sampled_from(["2026", "2024", "1970", "1969", "1677", "2262", "0001", "9999", "0000", "10000", "-001"]),
    st.integers(0, 13).map("{:02}".format),
    st.integers(0, 32).map("{:02}".format) | st.just("29"),
    st.sampled_from(["", "T", "t", " ", "  "]),
    st.sampled_from(["", "00", "23:59", "00:00:00", "12:34:56", "23:59:59", "23:59:60", "24:00:00", "1:2:3", "123456"])
    | st.builds("12:34:56.{}".format, st.text("0123456789", max_size=10)),
    st.sampled_from(["", "Z", "z", "+00:00", "-00:00", "+05:45", "-0930", "+14", "+24:00", "+05:60", "UTC", " Z"]),
)
RESOURCE = st.fixed_dictionaries({}, optional={"type": st.none() | TEXT, "name": st.none() | TEXT})
FITTING = st.fixed_dictionaries(
    {},
    optional={"date": st.none() | DATES, "resources": st.none() | st.lists(RESOURCE | st.none(), max_size=3)}
    | {field: st.none() | TEXT for field in FIELDS if field not in ("date", "resources")},
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT | LONE | DATES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXT | LONE | st.sampled_from([*FIELDS, "type", "name"]), inner, max_size=3)
    ),
    max_leaves=6,
)
ODD = ANYTHING | st.dictionaries(st.sampled_from(list(FIELDS)) | TEXT | LONE, ANYTHING | TEXT, max_size=5)
ENVELOPE = st.fixed_dictionaries(
    {},
    optional={
        "startDate": st.none() | DATES | TEXT,
        "endDate": st.none() | DATES,
        "_links": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "self": st.none() | st.just({"href": "/"}),
                "next": st.none()
                | st.fixed_dictionaries({}, optional={"href": st.none() | TEXT, "templated": st.booleans()}),
            },
        ),
    },
)


def written(document, *, spaced):
    return json.dumps(document, ensure_ascii=spaced, indent=1 if spaced else None).encode(errors="surrogatepass")


# ---- one meaning -------------------------------------------------------------------------------------------------


@given(st.lists(FITTING | FITTING | ODD, max_size=3), ENVELOPE, st.booleans())
@settings(max_examples=examples(300), deadline=None)
def test_the_decoders_agree_wherever_both_answer(events, envelope, spaced):
    body = written({"auditEvents": events, **envelope}, spaced=spaced)
    try:
        body.decode()
    except UnicodeDecodeError:
        with pytest.raises(DecodeError, match="not UTF-8"):
            decode_page(body, name="1")
        return
    quick = fast(body)
    if quick is not None:
        assert_same(quick, careful(body))


@given(DATES)
@settings(max_examples=examples(300), deadline=None)
@example("2026-01-01T00:00:00.123456Z")
@example("2026-01-01")
@example("2026-01-01T00Z")
@example("0001-01-01T00:00:00+00:01")
@example("9999-12-31T23:59:59.999999-00:01")
def test_the_decoders_read_the_same_moments(date):
    body = body_of({"date": date})
    quick = fast(body)
    if quick is not None:
        assert_same(quick, careful(body))


GOOD = body_of(EVENT, {**EVENT, "user": 'Zoë \\u00e9 "x"'}, following="/v7/audit-user-events?cursor=a")


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(GOOD) - 1),
            st.integers(0, 3),
            st.sampled_from([b"", b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"null", b"1", b" ", b"\0", b"e"])
            | st.binary(min_size=1, max_size=2),
        ),
        min_size=1,
        max_size=3,
    )
)
@settings(max_examples=examples(400), deadline=None)
def test_damage_is_found_by_both_or_read_alike(damages):
    body = GOOD
    for place, dropped, instead in damages:
        body = body[:place] + instead + body[place + dropped :]
    try:
        body.decode()
    except UnicodeDecodeError:
        with pytest.raises(DecodeError, match="not UTF-8"):
            decode_page(body, name="1")
        return
    quick = fast(body)
    if quick is not None:
        assert_same(quick, careful(body))
    else:
        try:
            decode_page(body, name="1", errors="coerce")
        except DecodeError as error:
            assert error.event is None


PIECES = st.sampled_from(
    [GOOD, body_of(), body_of(EVENT), b"{}", b'{"auditEvents": [{}', b"{}]}", b"", b"null", b"}", b"{"]
)
PIECES |= st.integers(0, len(GOOD)).map(lambda place: GOOD[:place])
PIECES |= st.integers(0, len(GOOD)).map(lambda place: GOOD[place:])


@given(st.lists(PIECES, min_size=1, max_size=4) | st.integers(0, len(GOOD)).map(lambda at: [GOOD[:at], GOOD[at:]]))
@settings(max_examples=examples(300), deadline=None)
@example([GOOD, body_of(EVENT), GOOD])
@example([GOOD + GOOD, b""])
@example([b'{"auditEvents": [{}', b"{}]}"])
@example([b'{"auditEvents": [], "_links": {}', b'"startDate": "}', b'", "endDate": "}'])
def test_pages_decoded_together_are_the_pages_decoded_alone(bodies):
    together = decode_many(bodies)
    alone = [fast(body) for body in bodies]
    if together is None:
        assert any(page is None for page in alone)
    else:
        pieces = [page.batch for page in alone]
        assert together.to_pylist() == [row for piece in pieces for row in piece.to_pylist()]
        assert together.schema == ARROW_SCHEMA


@given(st.integers(0, len(GOOD) - 1))
@settings(max_examples=examples(200), deadline=None)
def test_a_body_cut_anywhere_is_never_a_page(length):
    with pytest.raises(DecodeError) as caught:
        decode_page(GOOD[:length], name="1", errors="coerce")
    assert caught.value.event is None


def test_the_documented_answer_takes_the_fast_decoder():
    links = {"next": {"href": "/x", "templated": False, "type": "t", "deprecation": "d", "name": "n", "profile": "p"}}
    links |= {"self": {"href": "/", "title": "t", "hreflang": "en"}, "previous": {"href": "/"}}
    envelope = {"_links": links, "startDate": EVENT["date"], "endDate": EVENT["date"]}
    body = json.dumps({"auditEvents": [EVENT], **envelope}).encode()
    assert fast(body).start == fast(body).end == NEW_YEAR
    assert_same(fast(body), careful(body))


def test_a_page_of_several_megabytes_takes_the_fast_decoder():
    body = body_of(*[EVENT] * 15_000)
    assert len(body) > 3_000_000
    assert fast(body).batch.num_rows == 15_000


# ---- nothing is lost ---------------------------------------------------------------------------------------------


def same(kept, sent):
    """Equality that tells 1 from 1.0 and True, as JSON does."""
    return json.dumps(kept, sort_keys=True) == json.dumps(sent, sort_keys=True)


def is_held(column, field, value):
    if value is None:
        return column is None
    if field == "date":
        moment = datetime.fromisoformat(value.upper())
        return column == (moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    if field == "resources":
        keys = ("type", "name")
        return len(column) == len(value) and all(
            (kept is None) == (sent is None)
            and (sent is None or (sent.keys() <= set(keys) and all(is_held(kept[k], k, sent.get(k)) for k in keys)))
            for kept, sent in zip(column, value, strict=True)
        )
    return column == (str(value) if isinstance(value, int) and not isinstance(value, bool) else value)


@given(st.lists(FITTING | ODD, min_size=1, max_size=3))
@settings(max_examples=examples(300), deadline=None)
@example([{"date": "2026-01-01T00:00:00.123456789Z"}])
@example([{"extra": 1, "auditEvents": [], "user": {"a": [1]}}])
def test_every_value_sent_is_in_its_column_or_in_extra(events):
    page = decode_page(json.dumps({"auditEvents": events}).encode(), name="1", errors="coerce")
    assert page.batch.num_rows == len(events)
    for row, event in zip(page.batch.to_pylist(), events, strict=True):
        extra = None if row["extra"] is None else json.loads(row["extra"])
        if not isinstance(event, dict):
            assert same(extra, event)
            assert all(value is None for name, value in row.items() if name != "extra")
            continue
        kept = extra or {}
        assert kept.keys() <= event.keys()
        for field, value in event.items():
            if field in kept:
                assert same(kept[field], value)
            elif field == "date":
                assert is_held(row["date"], field, value)
            else:
                assert is_held(row[FIELDS[field]], field, value)


# ---- dates -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "date",
    [
        *("2026-01-01", "2026-01-01T00", "2026-01-01T00:00", "2026-01-01T00:00:00", "2026-01-01T00:00:00Z"),
        *("2026-01-01 00:00:00Z", "2026-01-01t00:00:00z", "2026-01-01T00:00:00.0Z", "2026-01-01T00:00:00.000000Z"),
        *(
            "2026-01-01T00:00:00.000000000Z",
            "2026-01-01T05:45:00+05:45",
            "2026-01-01T05:59:00+0559",
            "2025-12-31T14:30:00-0930",
        ),
        *("2025-12-31T19:00-05", "2026-01-01T00:00:00-00:00"),
    ],
)
def test_a_date_in_any_of_its_forms(date):
    row = row_of({"date": date})
    assert (row["date"], row["extra"]) == (NEW_YEAR, None)
    assert careful(body_of({"date": date})).batch["date"].to_pylist() == [NEW_YEAR]


@pytest.mark.parametrize("event", [{}, {"date": None}])
def test_an_event_without_a_date_is_an_event(event):
    page = decode_page(body_of(event, EVENT), name="1")
    assert page.batch["date"].to_pylist() == [None, NEW_YEAR]
    assert page.coerced == ()


# ---- what is not a page ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b" ", b"null", b"true", b"7", b'"text"', b"[]", b"{}", b"[null]", b"nullnull", b"null{}"),
        *(b"<!doctype html><title>Sign in</title>", b"Too many requests", b"\0", b"\x1f\x8b\x08\0"),
        *(b'{"auditEvents": null}', b'{"auditEvents": {}}', b'{"auditEvents": "x"}', b'{"auditevents": []}'),
        *(b'{"auditEvents": []}{"auditEvents": []}', b'{"auditEvents": []}\n{"auditEvents": []}'),
        *(b'{"auditEvents": []} x', b'{"auditEvents": [],}', b'{"auditEvents": [NaN]}', b'{"auditEvents": [Infinity]}'),
        *(b"\xff\xfe{\0}\0", b'{"auditEvents": [{"user": "\xff"}]}', b'{"auditEvents": [{"user": "\xed\xa0\x80"}]}'),
        *(b'{"auditEvents": [], "_links": []}', b'{"auditEvents": [], "_links": 7}'),
        *(b'{"auditEvents": [], "_links": {"next": {}}}', b'{"auditEvents": [], "_links": {"next": {"href": ""}}}'),
        *(b'{"auditEvents": [], "_links": {"next": {"href": null}}}', b'{"auditEvents": [], "_links": {"next": "/"}}'),
        *(b'{"auditEvents": [], "_links": {"next": {"href": 7}}}', b'{"auditEvents": [], "_links": {"next": []}}'),
        *(b'{"error": "maintenance"}', b'{"auditEvents": [{"user": "\t"}]}'),
    ],
)
@pytest.mark.parametrize("errors", ["raise", "coerce"])
def test_what_is_not_the_contract_s_answer_is_an_error_of_the_page(body, errors):
    with pytest.raises(DecodeError, match=r"^page 3 is not an answer of /audit-user-events: ") as caught:
        decode_page(body, name="3", errors=errors)
    assert (caught.value.page, caught.value.event) == ("3", None)


@pytest.mark.parametrize("links", [None, {}, {"next": None}, {"self": {"href": "/"}}])
def test_pages_without_a_next_link_are_the_last(links):
    page = decode_page(json.dumps({"auditEvents": [], "_links": links}).encode(), name="1")
    assert (page.next_href, page.next_cursor) == (None, None)


@pytest.mark.parametrize("body", [b"", b" \n", b"\xef\xbb\xbf"])
def test_an_empty_answer_is_named_in_the_error(body):
    with pytest.raises(DecodeError, match=r"it is empty\. The connection or a proxy"):
        decode_page(body, name="1")


def test_too_deep_nesting_is_named_in_the_error():
    with pytest.raises(DecodeError, match=r"/audit-user-events: it is nested too deeply\. It begins with"):
        rows_of(b'{"auditEvents": [%s' % (b"[" * 100_000))


@pytest.mark.parametrize("body", [b"\xef\xbb\xbf" + body_of(EVENT), body_of({**EVENT, "zone": "EU"}) + b"\n"])
def test_a_page_keeps_its_bytes_as_received(body):
    assert decode_page(body, name="1").raw == body


def test_a_byte_order_mark_is_no_fault():
    assert rows_of(b"\xef\xbb\xbf" + body_of(EVENT)) == [row_of(EVENT)]


def test_the_value_in_a_message_is_shortened():
    with pytest.raises(DecodeError) as caught:
        row_of({"date": "x" * 100_000})
    assert len(str(caught.value)) < 1_000
    with pytest.raises(DecodeError) as caught:
        rows_of(b"<" * 100_000)
    assert len(str(caught.value)) < 1_000
    assert caught.value.value == "<" * 119 + "…"


DEEP = """
import sys, threading
from te_audit_frames.client.decode import decode_page
from te_audit_frames.errors import DecodeError

def check():
    depth = int(sys.argv[1])
    for left, right in ((b"[", b"]"), (b'{"a":', b"}")):
        for body in (left * depth, left * depth + b"1" + right * depth):
            for page in (b'{"auditEvents": [{"date": null, "new": %s}]}' % body, b'{"auditEvents": %s}' % body, body):
                try:
                    decode_page(page, name="1")
                except DecodeError:
                    pass
    print("alive")

check()
thread = threading.Thread(target=check)
thread.start()
thread.join()
"""


@pytest.mark.full
def test_no_nesting_crashes_the_process():
    for depth in ("500", "100000"):
        ran = subprocess.run([sys.executable, "-c", DEEP, depth], capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stdout) == (0, "alive\nalive\n"), ran.stderr


@pytest.mark.full
def test_pages_decode_alike_on_many_threads():
    body = body_of(*[{**EVENT, "uid": n} for n in range(200)])
    expected = careful(body).batch
    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(lambda _: decode_page(body, name="1"), range(40)))
    assert all(page.batch.equals(expected) for page in pages)
