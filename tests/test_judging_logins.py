"""Judging failed log-ins: what a finding says about an address that attacks several users."""

from __future__ import annotations

from support.histories import frame
from support.reviews import HISTORY, at

import te_audit_frames as taf


def test_a_finding_about_an_address_names_it():
    spray = frame(*[at(1, 10, "Login failed.", str(uid), ip_address="192.0.2.1") for uid in range(100, 120)])
    review = taf.review(spray, history=HISTORY, checks=["find_failed_logins"])
    (why,) = review.findings["why"]
    assert why.startswith("20 failed log-ins of 20 users from 192.0.2.1 (spraying); ")
