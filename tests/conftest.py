"""What every test stands on."""

import os
import secrets
import signal

import pytest
from hypothesis import settings

# Started in the background of a shell, a process ignores Ctrl-C, and hands that on to its children; tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The whole check has to say the same twice; new examples are looked for everywhere else.
settings.register_profile("check", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("check")


def pytest_addoption(parser):
    parser.addoption("--full-faults", action="store_true", help="run every campaign of tests/faults at its full count")
    parser.addoption("--seed", type=int, help="run this one case of a campaign that draws its cases")


def pytest_configure(config):
    config.addinivalue_line("markers", "campaign(full, short): how many cases a campaign has, and how many by default")


def pytest_terminal_summary(terminalreporter):
    """Print what campaigns counted; they put it into the property "counted", which survives parallel runs."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, text in getattr(report, "user_properties", []):
            if name == "counted":
                terminalreporter.write_line(f"{report.nodeid}\n{text}")


@pytest.fixture
def cases(request):
    """How many cases the campaign at hand shall run: those of its mark, in full or in short."""
    counts = request.node.get_closest_marker("campaign").kwargs
    return counts["full" if request.config.getoption("--full-faults") else "short"]


@pytest.fixture(scope="session")
def s3():
    """The address of a real S3 server."""
    from support.buckets import s3_server

    with s3_server() as url:
        yield url


@pytest.fixture
def bucket(s3, monkeypatch):
    """The URL of a place in an empty bucket; the environment says how to get there."""
    import boto3

    names = {"ACCESS_KEY_ID": "practice", "SECRET_ACCESS_KEY": "practice", "REGION": "us-east-1", "ENDPOINT_URL": s3}
    for name, value in {**names, "ALLOW_HTTP": "true"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    name = f"te-audit-{secrets.token_hex(8)}"
    boto3.client("s3", endpoint_url=s3, region_name="us-east-1").create_bucket(Bucket=name)
    return f"s3://{name}/logs/te-audit"
