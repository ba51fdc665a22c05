"""Errors of a fetch in the words of the command line: no argument of the Python API is left in them."""

import re

import pytest
from support.rawserver import Pause, RawServer, client_of, page, whole, zipped

import te_audit_frames as taf
from te_audit_frames.cli.exit_codes import paragraph

DAY = {"start": "2026-01-01", "end": "2026-01-02", "aid": "1"}
EVENTS = [{"date": "2026-01-01T00:00:00Z", "uid": str(number)} for number in range(200)]
OTHERS = page({"date": "2026-01-01T00:00:00Z", "aid": "2"})


@pytest.mark.parametrize(
    ("answer", "policy", "advice"),
    [
        ([Pause(30)], {"timeout": 0.1}, r"Try again later\."),
        (whole(b"", 503), {"deadline": 0.001}, r"give a longer --deadline\.|try again later\."),
        (whole(zipped(b" " * 9_000), Content_Encoding="gzip"), {"max_page_bytes": 4_000}, r"page may have\."),
        (whole(page(*EVENTS)), {"max_fetch_bytes": 1_000}, r"Fetch a shorter period\."),
        (whole(b"", 302, Location="https://a.example/"), {}, r"set TE_BASE_URL to that address\."),
        (whole(page(following="https://a.example/v7/x")), {}, r"set TE_BASE_URL to that\."),
        (whole(b"<html>"), {}, r"check TE_BASE_URL and the proxy\."),
        (whole(page({"date": "soon"})), {}, r"With --errors coerce, the column is empty"),
        (whole(OTHERS), {}, r"ask again later, or with --workers 1\."),
        (whole(b"", 400), {"page_size": 70}, r"try it without --page-size\."),
    ],
)
def test_an_error_of_a_fetch_names_options_in_place_of_arguments(answer, policy, advice):
    with RawServer([answer]) as api, pytest.raises(taf.FetchError) as caught:
        client_of(api, retries=0, **policy).fetch_events(**DAY)
    text = paragraph(caught.value)
    assert re.search(advice, text), text
    assert not re.search(r"Client|page_size|max_\w+_bytes|iter_batches|base_url|errors=", text), text
