"""A slice: what it has left, and that two slices of the same range are different."""

from te_audit_frames.client.slice import Slice


def test_a_new_slice_has_everything_left():
    part = Slice(100, 400, 600, 900)
    assert (part.pos, part.left, part.is_cut, part.crossed, len(part.recent)) == (100, 300, False, False, 0)
    part.pos = 250
    assert part.left == 150


def test_slices_differ_by_identity_and_can_be_keys():
    one, other = Slice(0, 1, 0, 1), Slice(0, 1, 0, 1)
    assert one != other
    assert len({one, other}) == 2
