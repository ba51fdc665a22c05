"""Every function whose rows have evidence, with thresholds that few events reach."""

from __future__ import annotations

import te_audit_frames as taf
from support.histories import event, frame

BEFORE = frame(event(-1440, "User login.", ip_address="192.0.2.1"), event(-1440, "User login.", "8", ip_address=None))
"""A history of two people."""

QUESTIONS = {
    "runs by user": lambda events: taf.find_runs(events, min_size=2),
    "runs by address": lambda events: taf.find_runs(events, min_size=2, by="ip_address"),
    "runs by account group": lambda events: taf.find_runs(events, min_size=2, by="account_group"),
    "runs of two kinds": lambda events: taf.find_runs(events, action=["create", "delete"], min_size=2, gap="5min"),
    "failed log-ins by user": lambda events: taf.find_failed_logins(events, min_failures=2, within="10min"),
    "failed log-ins by address": lambda events: taf.find_failed_logins(events, by="ip_address", min_failures=2),
    "sessions": lambda events: taf.find_sessions(events, idle="10min"),
    "actors": taf.classify_actors,
    "access": taf.find_access_changes,
    "monitoring": taf.find_monitoring_changes,
    "new addresses": lambda events: taf.find_new_addresses(events, history=BEFORE, min_days=1),
}
