"""Options, profiles and fixtures of all tests."""

import gc
import os
import secrets
import signal
from collections import Counter, defaultdict

import pytest
from hypothesis import settings

# A process that a shell started in the background ignores Ctrl-C, and so do its children. Tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# These files have no tests or examples, some are slow to import, and two modules of one name cannot be imported.
collect_ignore_glob = ["support", "*conftest.py"]

# Small examples for every day, more for the whole check. With CI set, both try the same examples every time.
derandomize = bool(os.environ.get("CI"))
settings.register_profile("dev", max_examples=6, deadline=None, derandomize=derandomize)
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=derandomize)
settings.load_profile("dev")

# Tests that share a slow engine. They run first and in this order, so that one worker starts it once.
ENGINES = ("spark", "dask", "s3", "bucket")


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="run also what takes long, and more cases of everything else")
    parser.addoption("--full-faults", action="store_true", help="run every campaign of tests/faults at its full count")
    parser.addoption("--seed", type=int, help="run only this case of a campaign that draws its cases")


def pytest_configure(config):
    config.addinivalue_line("markers", "full: runs only with --full, since it takes long")
    config.addinivalue_line(
        "markers",
        "campaign(full, middle, short): how many cases run with --full-faults, with --full, and without either, by "
        "default an eighth of `middle`",
    )
    config.addinivalue_line(
        "markers",
        "few(count): by default only so many of its cases run, or, without a count, as many as it takes for each value "
        "of each parameter to occur; with --full all of them run",
    )
    if _is_full(config):
        settings.load_profile("ci")


def pytest_collection_modifyitems(config, items):
    if not _is_full(config):
        left_out = {item for item in items if item.get_closest_marker("full")} | _beyond_few(items)
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = [item for item in items if item not in left_out]
    items.sort(key=_engine_rank)


def pytest_collection_finish():
    """Tell the garbage collector to pass over what was collected, which lives to the end and is large."""
    gc.collect()
    gc.freeze()


def _beyond_few(items):
    """Return the cases that the mark `few` leaves to --full."""
    by_test = defaultdict(list)
    for item in items:
        if item.get_closest_marker("few") and not item.get_closest_marker("full"):
            by_test[item.parent.nodeid, item.originalname].append(item)
    return {case for cases in by_test.values() for case in set(cases) - set(_few_of(cases))}


def _few_of(cases):
    """Choose cases until each value of each parameter occurs, or so many as the mark says."""
    count = cases[0].get_closest_marker("few").kwargs.get("count")
    values = {case: {(name, repr(value)) for name, value in case.callspec.params.items()} for case in cases}
    rest, unseen, used, chosen = list(cases), set().union(*values.values()), Counter(), []
    while rest and (unseen if count is None else len(chosen) < count):
        # Of equal cases take one from elsewhere each time, so that pairs of values vary as well.
        start = len(chosen) * len(rest) * 5 // 8 % len(rest)
        worth = {case: (len(unseen & values[case]), -sum(used[value] for value in values[case])) for case in rest}
        best = max(rest[start:] + rest[:start], key=worth.__getitem__)
        unseen -= values[best]
        used.update(values[best])
        rest.remove(best)
        chosen.append(best)
    return chosen


def _is_full(config):
    return config.getoption("--full") or config.getoption("--full-faults")


def _engine_rank(item):
    names = [item.name, *getattr(item, "fixturenames", ())]
    used = (rank for rank, engine in enumerate(ENGINES) if any(engine in name for name in names))
    return next(used, len(ENGINES))


def pytest_terminal_summary(terminalreporter):
    """Print what campaigns counted; they put it into the property "counted", which survives parallel runs."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, text in getattr(report, "user_properties", []):
            if name == "counted":
                terminalreporter.write_line(f"{report.nodeid}\n{text}")


@pytest.fixture
def cases(request):
    """How many cases this campaign runs: see its mark."""
    counts = request.node.get_closest_marker("campaign").kwargs
    if request.config.getoption("--full-faults"):
        return counts["full"]
    if request.config.getoption("--full"):
        return counts["middle"]
    return counts.get("short", max(1, counts["middle"] // 8))


@pytest.fixture(scope="session")
def clusters(request):
    """Skip what needs a cluster unless everything runs: it takes longer to start than hundreds of tests."""
    if not _is_full(request.config):
        pytest.skip("takes long: runs with --full")


@pytest.fixture(scope="session")
def spark(clusters):
    """A Spark session, started once; only with --full."""
    from support.engines import spark_session

    session = spark_session()
    yield session
    session.stop()


@pytest.fixture(scope="session")
def dask(clusters):
    """A client of a Dask cluster of two processes, started once; only with --full."""
    from support.engines import dask_cluster

    with dask_cluster() as client:
        yield client


@pytest.fixture(scope="session")
def s3():
    """The address of a real S3 server."""
    pytest.importorskip("moto", reason="the practice S3 server is not installed: the extra test-engines brings it")
    pytest.importorskip("obstore", reason="obstore is not installed: the extra cloud brings it")
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
