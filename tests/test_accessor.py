"""The accessor: it has the arguments of the functions, and `help()` and type checkers know them."""

import inspect
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

import te_audit_frames as taf
from te_audit_frames.accessor import AuditPlots
from te_audit_frames.analysis.plots import plot_activity, plot_heatmap, plot_top

ROOT = Path(__file__).parent.parent

SAME = [
    (taf.AuditAccessor.between, taf.between),
    (taf.AuditAccessor.where, taf.where),
    (taf.AuditAccessor.by, taf.summarize),
    (taf.AuditAccessor.by_user, taf.summarize_by_user),
    (taf.AuditAccessor.by_account_group, taf.summarize_by_account_group),
    (taf.AuditAccessor.by_event_type, taf.summarize_by_event_type),
    (taf.AuditAccessor.activity, taf.activity),
    (taf.AuditAccessor.resources, taf.explode_resources),
    (taf.AuditAccessor.find_runs, taf.find_runs),
    (taf.AuditAccessor.find_failed_logins, taf.find_failed_logins),
    (taf.AuditAccessor.find_sessions, taf.find_sessions),
    (taf.AuditAccessor.find_off_hours, taf.find_off_hours),
    (taf.AuditAccessor.find_new_addresses, taf.find_new_addresses),
    (taf.AuditAccessor.find_access_changes, taf.find_access_changes),
    (taf.AuditAccessor.find_monitoring_changes, taf.find_monitoring_changes),
    (taf.AuditAccessor.find_dormant_users, taf.find_dormant_users),
    (taf.AuditAccessor.classify_actors, taf.classify_actors),
    (taf.AuditAccessor.review, taf.review),
    (taf.AuditAccessor.compare, taf.compare),
    (taf.AuditAccessor.evidence, taf.evidence),
    (taf.AuditAccessor.to_parquet, taf.write_parquet),
    (taf.AuditAccessor.explore, taf.explore),
    (taf.AuditAccessor.write_report, taf.write_report),
    (AuditPlots.activity, plot_activity),
    (AuditPlots.heatmap, plot_heatmap),
    (AuditPlots.top, plot_top),
]
PUBLIC = {
    f"{kind.__name__}.{name}": member
    for kind in (taf.AuditAccessor, AuditPlots)
    for name, member in vars(kind).items()
    if not name.startswith("_")
}
CHECKED = """
import pandas as pd
import te_audit_frames as taf

events: pd.DataFrame = taf.read_parquet("events.parquet")
audit = taf.AuditAccessor(events)
people: pd.DataFrame = audit.by_user(top=10)
networks: pd.DataFrame = audit.by(["user", "network"])
days: pd.DataFrame = audit.activity(freq="D", by="event", tz="Europe/Berlin")
ax = audit.plot.top(by="user", top=5)
ax.set_title("busiest")
audit.to_parquet("copy.parquet", compression="snappy")
complete: bool = audit.receipt.complete
january: pd.DataFrame = audit.between(start="2026-01-01", end="2026-02-01")
"""
WRONG = ['audit.activity(freq="Q")', "audit.plot.top(n=5)", 'audit.to_parquet("x", compression="rar")', "audit.by(3)"]


def parameters(function):
    return {
        name: (parameter.annotation, parameter.default, parameter.kind)
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in ("self", "events")
    }


@pytest.mark.parametrize(("method", "function"), SAME, ids=lambda member: member.__qualname__)
def test_methods_take_the_arguments_of_their_function(method, function):
    expected, found = parameters(function), parameters(method)
    positional = {"by", "path", "mask", "row"}  # `events.audit.by("user")` reads better without a keyword
    assert found.keys() == expected.keys()
    for name, (annotation, default, kind) in expected.items():
        assert found[name][1] == default, name
        if name not in positional:
            assert found[name] == ((annotation, default, kind) if name != "path" else found[name]), name


def test_every_method_is_compared():
    methods = {member for member in PUBLIC.values() if inspect.isfunction(member)}
    assert methods == {method for method, _ in SAME}


@pytest.mark.parametrize("name", PUBLIC)
def test_help_explains_without_sending_the_reader_elsewhere(name):
    member = PUBLIC[name]
    text = inspect.getdoc(member)
    assert text
    assert not re.search(r"\bAs (for|in)\b", text)
    if inspect.isfunction(member):
        names = [each for each in inspect.signature(member).parameters if each != "self"]
        assert [each for each in names if not re.search(rf"^(\w+, )*{each}(, \w+)* : ", text, re.MULTILINE)] == []


def test_the_repr_says_what_it_is():
    events = pd.DataFrame({"date": pd.to_datetime(["2026-03-01T08:00Z", None, "2026-03-03T09:00Z"]), "event": "a"})
    period = "2026-03-01 08:00:00+00:00 to 2026-03-03 09:00:00+00:00"
    assert repr(events.audit) == f"<AuditAccessor: 3 events, {period}>"
    assert repr(events.audit.plot) == f"<AuditPlots: activity, heatmap, top of 3 events, {period}>"
    assert repr(events[["event"]].head(1).audit) == "<AuditAccessor: 1 event>"
    assert repr(events.head(0).audit) == "<AuditAccessor: 0 events>"


def test_a_selection_of_columns_is_enough():
    events = pd.DataFrame({"date": pd.to_datetime(["2026-03-01T08:00Z"]), "event": ["a"]})
    assert events.audit.by_event_type()["events"].tolist() == [1]
    with pytest.raises(taf.NotAnAuditFrame, match="'uid'"):
        events.audit.by_user()


def test_a_frame_without_any_column_of_events_has_no_accessor():
    assert not hasattr(pd.DataFrame({"price": [1]}), "audit")


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """Write two files: the Python code of the README, and calls, the last of which are wrong."""
    folder = tmp_path_factory.mktemp("checked")
    shown = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert shown
    (folder / "readme.py").write_text("\n".join(shown), encoding="utf-8")
    (folder / "checked.py").write_text(CHECKED + "\n".join(WRONG), encoding="utf-8")
    return [str(folder / "readme.py"), str(folder / "checked.py")]


def check(*command):
    """Run a type checker. It must report each wrong line and nothing else."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    if command[0] == "pyright" and "checked.py" not in done.stdout:
        pytest.skip(f"pyright, which needs Node.js, did not run: {done.stderr[-200:]}")
    found = re.findall(r"(\w+\.py):(\d+)(?::\d+)?(?:: | - )error", done.stdout)
    first = CHECKED.count("\n") + 1
    wrong = {("checked.py", str(first + number)) for number in range(len(WRONG))}
    assert set(found) == wrong, done.stdout + done.stderr


@pytest.mark.full
def test_mypy_accepts_the_readme_and_knows_the_accessor(checked, tmp_path):
    check("mypy", "--strict", "--cache-dir", str(tmp_path), *checked)


@pytest.mark.full
@pytest.mark.skipif(find_spec("pyright") is None, reason="pyright is not installed")
def test_pyright_accepts_the_readme_and_knows_the_accessor(checked):
    check("pyright", "--pythonpath", sys.executable, *checked)
