"""The tree of errors, their pickles, and their messages: where, what happened, and what to do."""

import inspect
import pickle
import re
import warnings
from datetime import UTC, datetime

import pandas as pd
import pytest
from support.rawserver import RawServer, client_of, page, whole

import te_audit_frames as taf
from te_audit_frames import errors
from te_audit_frames.errors import (
    ApiError,
    AuditFramesError,
    AuditFramesWarning,
    DecodeError,
    FetchError,
    InvalidArgument,
    NotAnAuditFrame,
    RateLimited,
)
from te_audit_frames.storage.local_store import LocalStore

CLASSES = [
    cls for _, cls in inspect.getmembers(errors, inspect.isclass) if cls.__module__ == errors.__name__ and cls.__doc__
]


def example(cls):
    if issubclass(cls, ApiError):
        fields = [{"code": "1", "field": "window", "message": "no"}]
        return cls("said no", status=400, title="Bad", detail="wrong", fields=fields)
    if cls is DecodeError:
        return cls("bad date", page="3", event=7, field="date", value='"x"')
    if cls is NotAnAuditFrame:
        return cls("no column", missing=["date"])
    if issubclass(cls, errors.FileError):
        return cls("said no", errno=28, strerror="No space left on device", filename="e.parquet")
    return cls("said no")


def test_the_docstring_draws_the_tree():
    depths = {}
    for line in errors.__doc__.splitlines():
        if match := re.match(r"(?:    )([\s│]*(?:[├└]── )?)([A-Z]\w+)", line):
            depths[match[2]] = len(match[1]) // 4
    assert depths.keys() == {cls.__name__ for cls in CLASSES}
    for cls in set(CLASSES) - {errors.AuditFramesWarning}:
        assert depths[cls.__name__] == [c.__module__ for c in cls.__mro__].count(errors.__name__) - 1


@pytest.mark.parametrize(
    ("cls", "builtin"),
    [
        (InvalidArgument, ValueError),
        (NotAnAuditFrame, AttributeError),
        (errors.FileError, OSError),
        (errors.MissingFile, FileNotFoundError),
    ],
)
def test_errors_are_also_the_builtin_errors_that_callers_expect(cls, builtin):
    assert issubclass(cls, builtin)
    assert issubclass(cls, AuditFramesError)


def test_a_rate_limit_is_an_answer_of_the_api():
    assert issubclass(RateLimited, ApiError)
    assert issubclass(ApiError, FetchError)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_pickling_keeps_everything(cls, protocol):
    error = example(cls)
    if isinstance(error, FetchError):
        error.partial = pd.DataFrame({"date": [1, 2]})
        error.missing = [taf.Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))]
    copy = pickle.loads(pickle.dumps(error, protocol))
    assert type(copy) is cls
    assert copy.args == error.args
    assert str(copy) == str(error)
    if isinstance(error, errors.FileError):
        assert (copy.errno, copy.strerror, copy.filename) == (28, "No space left on device", "e.parquet")
    told, expected = dict(vars(copy)), dict(vars(error))
    if isinstance(error, FetchError):
        pd.testing.assert_frame_equal(told.pop("partial"), expected.pop("partial"))
    assert told == expected


def test_a_subclass_of_a_user_can_be_pickled_too():
    class Odd(FetchError):
        def __init__(self, message, *, flavour):
            super().__init__(message)
            self.flavour = flavour

    globals()["Odd"] = Odd
    Odd.__qualname__ = "Odd"
    copy = pickle.loads(pickle.dumps(Odd("hm", flavour="sour")))
    assert (str(copy), copy.flavour, copy.missing) == ("hm", "sour", [])


# ---- each error as it happens --------------------------------------------------------------------------------------

FIRST = page(
    {"date": "2026-01-01T12:00:00Z", "aid": "1234", "event": "Login failed."},
    following="/v7/audit-user-events?cursor=b",
)
PROBLEM = {"title": "Refused", "errors": [{"code": "7", "field": "window", "message": "too long"}]}


def second_page(*answers, **policy):
    """Return a fetch that gets these answers for its second page."""

    def provoke(folder):
        with RawServer([whole(FIRST), *answers]) as api:
            client = client_of(api, workers=1, retries=1, deadline=300, **policy)
            client.fetch_events(start="2026-01-01", end="2026-01-02", all_account_groups=False)

    return provoke


def locked(folder):
    with LocalStore(folder).writing(), LocalStore(folder).writing():
        pass


def damaged(folder):
    (folder / "events.parquet").write_bytes(b"PAR1")
    taf.read_parquet(folder / "events.parquet")


def set_aside(folder):
    with warnings.catch_warnings(action="error", category=AuditFramesWarning):
        taf.read_pages(page({"date": "soon"}), errors="coerce")


# How to provoke each error, and its message: where, what, and what to do. Dots stand for anything.
PROVOKED = {
    InvalidArgument: (lambda _: taf.Client(token="practice", workers=0), "workers: 0 is not … from 1 to 64"),
    NotAnAuditFrame: (lambda _: taf.summarize_by_user(pd.DataFrame()), "frame … no column … come from fetch_events()"),
    errors.ArchiveError: (lambda folder: taf.Archive(folder).coverage(), "FOLDER: … no archive … sync()"),
    errors.DamagedFile: (damaged, "FOLDER/events.parquet is not a Parquet file, … Restore it from a backup, or fetch"),
    errors.FileError: (
        taf.read_pages,
        "FOLDER: Is a directory. Give the path of a file, not of a folder.",
    ),
    errors.MissingFile: (
        lambda folder: taf.read_parquet(folder / "none.parquet"),
        "FOLDER/none.parquet: No such file or directory. Check the path.",
    ),
    errors.ArchiveLocked: (locked, "FOLDER: another process … wait until it has finished"),
    errors.BadRequest: (second_page(whole(PROBLEM, 400)), "page 2: … 400, Refused (window: too long). Correct"),
    errors.AuthenticationError: (second_page(whole({"error": "stale"}, 401)), "page 2: … 401, stale. Check TE_TOKEN"),
    errors.PermissionDenied: (second_page(whole(b"", 403)), "page 2: … 403. … needs the permissions `API Access` and"),
    errors.NotFound: (second_page(whole(b"", 404)), "page 2: … 404. Check base_url (TE_BASE_URL) and aid."),
    ApiError: (second_page(whole(b"", 302, Location="//b.example/")), "page 2: … 302. … b.example … the base_url"),
    errors.ServerError: (second_page(whole(b"", 503)), "page 2: … 503. … try again later."),
    RateLimited: (
        second_page(whole(b"", 429)),
        "page 2: … used up for another … the 300 s … Try again later … deadline",
    ),
    errors.NetworkError: (second_page(b"no HTTP\r\n\r\n"), "page 2: … http://127 … failed … Check base_url"),
    errors.PaginationError: (
        second_page(whole(FIRST)),
        "page 2: … in a circle … fetch again, or ask for a shorter period",
    ),
    DecodeError: (second_page(whole(page({"date": 7}))), "page 2, event 0: … 'date' is 7 … errors=\"coerce\""),
    AuditFramesWarning: (set_aside, "1 value … no column can hold … `extra` has"),
}
RETRIED = {errors.ServerError, errors.NetworkError}


def test_every_class_except_base_classes_is_provoked():
    # test_object_store.py provokes the failures of a store.
    assert {*PROVOKED, AuditFramesError, FetchError, errors.StoreError} == set(CLASSES)


@pytest.mark.parametrize("cls", PROVOKED, ids=lambda cls: cls.__name__)
def test_a_message_says_where_what_happened_after_how_many_attempts_and_what_to_do(cls, tmp_path):
    provoke, said = PROVOKED[cls]
    with pytest.raises(cls) as caught:
        provoke(tmp_path)
    error = caught.value
    assert type(error) is cls
    said = ".*".join(map(re.escape, said.replace("FOLDER", str(tmp_path)).split(" … ")))
    assert re.search(said, str(error)), str(error)
    if isinstance(error, FetchError) and cls is not errors.PaginationError:  # which is about pages that arrived
        attempts = "2 attempts" if cls in RETRIED else "1 attempt"
        assert re.search(rf" \(after {attempts} in \d+\.\d s\)$", str(error))
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.args) == (cls, str(error), error.args)
    if isinstance(error, FetchError):
        # The event of the first page is kept. It is outside of the missing periods.
        pd.testing.assert_frame_equal(copy.partial, error.partial)
        assert len(copy.partial) == 1
        assert copy.missing == error.missing
        assert copy.missing
    if isinstance(error, ApiError):
        assert (copy.status, copy.title, copy.fields) == (error.status, error.title, error.fields)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_class_has_a_docstring(cls):
    assert len(inspect.getdoc(cls).splitlines()[0]) > 20


def test_a_message_of_the_server_cannot_forge_a_line_or_act_on_a_terminal():
    said = "no\n2026-01-01 INFO root: all is well\x1b[2J\u202e"
    shown = r"no\n2026-01-01 INFO root: all is well\x1b[2J\u202e"
    problem = {"title": said, "detail": said, "errors": [{"field": said, "message": said}]}
    with RawServer([whole(problem, 400)]) as api, pytest.raises(errors.BadRequest) as caught:
        client_of(api).fetch_events(start="2026-01-01", end="2026-01-02")
    error = caught.value
    assert str(error).startswith(f"page 1: the API answered 400, {shown}: {shown} ({shown}: {shown}). Correct")
    assert (error.title, error.detail, error.fields) == (shown, shown, [{"field": shown, "message": shown}])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"\x1b[2J\nERROR", r'its bytes|begins with "\\x1b\[2J\\nERROR"'),
        ('{"auditEvents": [{"date": "\x9b31m\u2028"}]}'.encode(), r"""'date' is "\\x9b31m\\u2028", not"""),
    ],
)
def test_a_saved_page_cannot_either(body, message, tmp_path):
    file = tmp_path / "a\x1b\nb.json"
    file.write_bytes(body)
    with pytest.raises(DecodeError, match=message) as caught:
        taf.read_pages(file)
    assert str(caught.value).isprintable()
    assert r"a\x1b\nb.json" in str(caught.value)
    assert caught.value.page == str(file)
