"""Parameters: the arguments of a fetch in the form in which they are sent."""

from datetime import timedelta

import pytest

from te_audit_frames.client.parameters import page_parameters, scope_parameters, window_text
from te_audit_frames.errors import InvalidArgument

NOTHING = dict.fromkeys(("window", "start", "end", "aid", "cursor"))


@pytest.mark.parametrize(
    ("aid", "everything", "sent"),
    [
        (None, None, {"useAllPermittedAids": "true"}),
        (None, False, {}),
        (" 12 ", None, {"aid": "12"}),
        (12, False, {"aid": "12"}),
    ],
)
def test_every_account_group_is_in_scope_unless_one_is_named(aid, everything, sent):
    assert scope_parameters(aid, everything) == sent


@pytest.mark.parametrize("aid", ["", " ", 1.5, True, ["1"]])
def test_an_account_group_is_a_text_or_a_whole_number(aid):
    with pytest.raises(InvalidArgument, match=r"^aid: "):
        scope_parameters(aid, None)


def test_a_page_is_asked_for_with_the_arguments_that_were_given():
    assert page_parameters(**NOTHING, all_account_groups=False) == {}
    both = page_parameters(**{**NOTHING, "aid": 7, "window": timedelta(minutes=1)}, all_account_groups=True)
    assert both == {"aid": "7", "useAllPermittedAids": "true", "window": "60s"}


def test_the_range_of_a_page_is_widened_to_whole_seconds():
    half = {"start": "2026-01-01T00:00:00.5Z", "end": "2026-01-02T00:00:00.5Z", "cursor": " a+b "}
    assert page_parameters(**{**NOTHING, **half}, all_account_groups=False) == {
        "startDate": "2026-01-01T00:00:00Z",
        "endDate": "2026-01-02T00:00:01Z",
        "cursor": "a+b",
    }


@pytest.mark.parametrize(("window", "text"), [(timedelta(days=1), "86400s"), ("1d", "1d"), (None, None)])
def test_a_window_is_sent_as_written_and_a_timedelta_in_seconds(window, text):
    assert window_text(window) == text
