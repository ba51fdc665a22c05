"""Whatever a server sends, and however much of it: an error that says so ends it, and memory does not grow with it."""

import itertools
import os
import subprocess
import sys
import zlib
from pathlib import Path
from urllib.parse import urlencode

import pytest
from support.campaign import spread
from support.rawserver import TOKEN, RawServer, head, page, whole, zipped

MIB = 2**20
TOO_LARGE = "the answer is larger than the 32 MiB that a page may have."
TOO_LATE = "it was not complete after 3 s"
NO_END = "got more than"  # of a line, or of lines
# What each of them may take: seconds, and memory above that of the import.
LIMITS = {TOO_LARGE: (60, 300 * MIB), TOO_LATE: (3, 30 * MIB), NO_END: (60, 30 * MIB)}

EVENT = b'{"date":"2026-01-01T00:00:01Z","aid":"1234","event":"Login failed.","uid":"7"},'
MANY = EVENT * (MIB // len(EVENT))
PAGE = [b'{"auditEvents":[', *[MANY] * 100, EVENT[:-1], b"]}"]  # whole and right, of 100 MB
GZIP = {"Content_Encoding": "gzip", "Transfer_Encoding": "chunked"}


def chunk(piece):
    return b"%x\r\n%s\r\n" % (len(piece), piece)


def endless(first, again):
    """Send one thing, and then another for ever."""
    return itertools.chain([first], itertools.repeat(again))


def bomb(encoding_bits=31):
    """256 MiB of blanks, packed as one stream."""
    packer = zlib.compressobj(9, zlib.DEFLATED, encoding_bits)
    return b"".join(packer.compress(b" " * MIB) for _ in range(256)) + packer.flush()


def endless_gzip():
    """Pack blanks as one stream that never ends."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    first = packer.compress(b"{") + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(b" " * MIB) + packer.flush(zlib.Z_FULL_FLUSH)
    return endless(head(**GZIP) + chunk(first), chunk(again))


def endless_to_every_worker():
    """Answer once as one should, so that all workers set out, and then without end."""
    seconds = range(86_399, 85_399, -1)
    events = [{"date": f"2026-01-01T{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}Z"} for at in seconds]
    dates = {"startDate": "2026-01-01T00:00:00Z", "endDate": "2026-01-02T00:00:00Z"}
    first = whole(page(*events, following=f"/v7/audit-user-events?{urlencode(dates | {'cursor': 'x'})}", **dates))
    without_end = map(endless, itertools.repeat(head(Connection="close")), itertools.repeat(b" " * MIB))
    return itertools.chain([first], without_end).__next__


CASES = {
    "endless body to every worker": (endless_to_every_worker(), TOO_LARGE),
    "100 MB": (lambda: [head(Content_Length=sum(map(len, PAGE))), *PAGE], TOO_LARGE),
    "100 MB in chunks": (lambda: [head(Transfer_Encoding="chunked"), *map(chunk, PAGE)], TOO_LARGE),
    "100 MB up to the close": (lambda: [head(Connection="close"), *PAGE], TOO_LARGE),
    "gzip bomb": (lambda: whole(bomb(), Content_Encoding="gzip"), TOO_LARGE),
    "gzip bomb of many members": (lambda: [head(**GZIP), *[chunk(zipped(b" " * MIB))] * 256], TOO_LARGE),
    "gzip bomb in a gzip bomb": (lambda: whole(zipped(bomb()), Content_Encoding="gzip, gzip"), TOO_LARGE),
    "deflate bomb": (lambda: whole(bomb(15), Content_Encoding="deflate"), TOO_LARGE),
    "endless body": (lambda: endless(head(Connection="close"), b" " * MIB), TOO_LARGE),
    "endless body of a promised length": (lambda: endless(head(Content_Length=10**15), b" " * MIB), TOO_LARGE),
    "endless chunks": (lambda: endless(head(Transfer_Encoding="chunked"), chunk(b" " * MIB)), TOO_LARGE),
    "endless small chunks": (lambda: endless(head(Transfer_Encoding="chunked"), chunk(b"  ") * 20_000), TOO_LATE),
    "endless gzip": (endless_gzip, TOO_LARGE),
    "endless gzip of nothing": (lambda: endless(head(**GZIP), chunk(zipped(b"")) * 1_000), TOO_LATE),
    "endless error": (lambda: endless(head(503), b" " * MIB), TOO_LARGE),
    "endless redirect": (lambda: endless(head(302, Location="/"), b" " * MIB), TOO_LARGE),
    "endless headers": (lambda: endless(b"HTTP/1.1 200 OK\r\n", b"X-Name: value\r\n" * 1_000), NO_END),
    "endless header": (lambda: endless(b"HTTP/1.1 200 OK\r\nX-Name: ", b"value" * MIB), NO_END),
    "endless status": (lambda: endless(b"HTTP/1.1 200 ", b"OK" * MIB), NO_END),
    "endless interim answers": (lambda: itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000), TOO_LATE),
    "endless chunk size": (lambda: endless(head(Transfer_Encoding="chunked"), b"0" * MIB), NO_END),
    "endless trailers": (lambda: endless(head(Transfer_Encoding="chunked") + b"0\r\n", b"A: b\r\n" * 1_000), TOO_LATE),
}

PROGRAM = """
import sys
import te_audit_frames as taf
import pandas, pyarrow.json, requests

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))

client = taf.Client(base_url=sys.argv[1], timeout=float(sys.argv[2]), retries=0)
before = peak()
try:
    client.fetch_events(start="2026-01-01", end="2026-01-02", all_account_groups=False)
except taf.NetworkError as error:
    print(peak() - before, len(error.missing), error)
"""


@pytest.mark.full
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
@pytest.mark.campaign(full=len(CASES), middle=4)
def test_nothing_is_too_large_to_be_refused(cases):
    for name in spread(list(CASES), cases):
        script, said = CASES[name]
        timeout, memory = LIMITS[said]
        with RawServer(lambda _, script=script: script()) as api:
            command = [sys.executable, "-c", PROGRAM, api.url, str(timeout)]
            environment = {**os.environ, "TE_TOKEN": TOKEN}
            run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert run.stdout, f"{name}: {run.stderr}"
        took, missing, message = run.stdout.split(maxsplit=2)
        assert said in message, f"{name}: {message}"
        assert int(took) < memory, f"{name}: {int(took) / MIB:.0f} MiB"
        assert missing == "1", name
