"""Receipts of a directory: found, refused if damaged, and kept by JSON."""

import json

import pandas as pd
import pytest
from support.directories import Directory
from support.rawserver import client_of

import te_audit_frames as taf
from te_audit_frames.directory_receipts import fault_of
from te_audit_frames.schema import DIRECTORY_KEY


@pytest.fixture(scope="module")
def users():
    with Directory().serve() as server:
        return client_of(server).fetch_users()


def test_a_frame_without_a_receipt_is_refused(users):
    with pytest.raises(taf.InvalidArgument, match="carries no receipt of a directory"):
        taf.directory_receipt(pd.DataFrame())
    with pytest.raises(taf.InvalidArgument, match=r"these are people or account groups.*directory_receipt"):
        taf.receipt(users)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"source": 5}, "source is of type int"),
        ({"users": True}, "users is of type bool"),
        ({"refused": [5]}, "refused does not hold texts"),
        ({"notes": "x"}, "notes is of type str"),
    ],
)
def test_a_damaged_receipt_is_told(users, change, fault):
    damaged = users.copy()
    damaged.attrs = {DIRECTORY_KEY: {**users.attrs[DIRECTORY_KEY], **change}}
    with pytest.raises(taf.InvalidArgument, match=fault):
        taf.directory_receipt(damaged)


def test_what_is_no_receipt_is_told():
    assert fault_of([]) == "it is not an object"
    assert fault_of({}) == "source is missing"
    assert fault_of({"source": "api", "fetched_at": "2026-01-01T00:00:00Z", "from a later version": 1}) is None


def test_a_receipt_survives_json(users):
    receipt = taf.directory_receipt(users)
    again = taf.DirectoryReceipt.from_dict(json.loads(json.dumps(receipt.to_dict())), rows=len(users))
    assert again == receipt
