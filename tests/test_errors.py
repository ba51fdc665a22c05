"""The error tree: its shape, its pickles, and what its messages never hold."""

import inspect
import pickle
import re
from datetime import UTC, datetime

import pandas as pd
import pytest

from te_audit_frames import errors
from te_audit_frames.errors import (
    ApiError,
    AuditFramesError,
    DecodeError,
    FetchError,
    InvalidRequest,
    NotAnAuditFrame,
    RateLimited,
)

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
    return cls("said no")


def test_the_docstring_draws_the_tree():
    depths = {}
    for line in errors.__doc__.splitlines():
        if match := re.match(r"(?:    )([\s│]*(?:[├└]── )?)([A-Z]\w+)", line):
            depths[match[2]] = len(match[1]) // 4
    assert depths.keys() == {cls.__name__ for cls in CLASSES}
    for cls in set(CLASSES) - {errors.AuditFramesWarning}:
        assert depths[cls.__name__] == [c.__module__ for c in cls.__mro__].count(errors.__name__) - 1


@pytest.mark.parametrize(("cls", "builtin"), [(InvalidRequest, ValueError), (NotAnAuditFrame, AttributeError)])
def test_the_builtin_kind_that_callers_expect(cls, builtin):
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
        error.missing = [(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))]
    copy = pickle.loads(pickle.dumps(error, protocol))
    assert type(copy) is cls
    assert copy.args == error.args
    assert str(copy) == str(error)
    told, expected = dict(vars(copy)), dict(vars(error))
    if isinstance(error, FetchError):
        pd.testing.assert_frame_equal(told.pop("partial"), expected.pop("partial"))
    assert told == expected


def test_an_error_of_a_user_s_subclass_survives_too():
    class Odd(FetchError):
        def __init__(self, message, *, flavour):
            super().__init__(message)
            self.flavour = flavour

    globals()["Odd"] = Odd
    Odd.__qualname__ = "Odd"
    copy = pickle.loads(pickle.dumps(Odd("hm", flavour="sour")))
    assert (str(copy), copy.flavour, copy.missing) == ("hm", "sour", [])


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_class_says_what_it_is_for(cls):
    assert len(inspect.getdoc(cls).splitlines()[0]) > 20
