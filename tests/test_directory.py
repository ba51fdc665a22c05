"""People and account groups, by a client given or by a new one."""

from datetime import UTC, datetime

import pytest
from support.world import client_at

import te_audit_frames as taf
from te_audit_frames.sandbox import Organisation, Sandbox

NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)


@pytest.fixture
def api():
    with Sandbox(Organisation(events=3_000, seed=4, end=NOW, days=60), now=NOW, rate_limit=None) as api:
        yield api


def test_the_module_has_both_as_functions(api, monkeypatch):
    client = client_at(api, NOW)
    assert taf.fetch_users(client=client).equals(client.fetch_users())
    assert taf.fetch_account_groups(client=client).equals(client.fetch_account_groups())
    monkeypatch.setenv("TE_TOKEN", api.token)
    monkeypatch.setenv("TE_BASE_URL", api.url)
    with pytest.warns(taf.AuditFramesWarning, match="clock"):
        assert len(taf.fetch_users(memberships=False)) > 20
    with pytest.warns(taf.AuditFramesWarning, match="clock"):
        assert len(taf.fetch_account_groups()) == 4
