"""Answers that go wrong, by their number."""

from te_audit_frames.sandbox.faults import Faults
from te_audit_frames.sandbox.server_behaviour import Behaviour


def test_every_nth_request_goes_wrong():
    faults = Faults(Behaviour(stray_answers=2, mixed_up=3))
    assert [faults.next_request() for _ in range(6)] == [
        (False, False),
        (True, False),
        (False, True),
        (True, False),
        (False, False),
        (True, True),
    ]


def test_a_plain_server_makes_no_mistakes():
    assert Faults(Behaviour()).next_request() == (False, False)


def test_a_stray_answer_is_an_earlier_page_if_there_is_one():
    faults = Faults(Behaviour(stray_answers=1, stray_status=304))
    status, body = faults.stray(b"other")
    assert (int(status), body.endswith(b"Content-Length: 5\r\n\r\nother")) == (304, True)
    faults.keep(b"earlier page")
    assert faults.stray(b"other")[1].endswith(b"Content-Length: 12\r\n\r\nearlier page")
