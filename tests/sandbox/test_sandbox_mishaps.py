"""Answers that go wrong, by their number."""

from te_audit_frames.sandbox.behaviour import Behaviour
from te_audit_frames.sandbox.mishaps import Mishaps


def test_every_nth_request_goes_wrong():
    mishaps = Mishaps(Behaviour(stray_answers=2, mixed_up=3))
    assert [mishaps.next_request() for _ in range(6)] == [
        (False, False),
        (True, False),
        (False, True),
        (True, False),
        (False, False),
        (True, True),
    ]


def test_a_plain_server_makes_no_mistakes():
    assert Mishaps(Behaviour()).next_request() == (False, False)


def test_a_stray_answer_is_an_earlier_page_if_there_is_one():
    mishaps = Mishaps(Behaviour(stray_answers=1, stray_status=304))
    status, body = mishaps.stray(b"other")
    assert (int(status), body.endswith(b"Content-Length: 5\r\n\r\nother")) == (304, True)
    mishaps.keep(b"earlier page")
    assert mishaps.stray(b"other")[1].endswith(b"Content-Length: 12\r\n\r\nearlier page")
