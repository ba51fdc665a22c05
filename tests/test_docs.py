"""The site: every public name is in the reference, its code runs, and its links lead somewhere."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

import te_audit_frames as taf
from te_audit_frames.client.clock import Clock
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.sandbox import __all__ as sandbox_names
from te_audit_frames.schema import ARROW_SCHEMA, SCHEMA_VERSION

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SCHEMA = DOCS / "schema.md"
PAGES = [DOCS / "get-started.md", DOCS / "cookbook.md", *sorted((DOCS / "guide").rglob("*.md"))]
LONG = {"cookbook", "report", "review"}  # those that ask for several reviews
MARKDOWN = [*ROOT.glob("*.md"), *(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)]


def section(page: Path, title: str) -> str:
    """The text under a heading of the second level."""
    sections = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (text,) = (text for text in sections if text.startswith(f"{title}\n"))
    return text


def blocks(text: str, language: str) -> list[str]:
    """The fenced code in a text, except what stands below a comment that says it is not run."""
    fences = re.finditer(rf"(<!-- not run -->\n)?```{language}\n(.*?)```", text, re.DOTALL)
    return [fence[2] for fence in fences if not fence[1]]


def sync_before(code: str) -> None:
    """Keep a few days where the code syncs without a start, so that it need not write two years of day files."""
    if ".sync(taf.Client())" in code:
        taf.Archive("te-audit").sync(taf.Client(), start="2026-03-01")


def run(page: Path, code: list[str]) -> dict[str, object]:
    names: dict[str, object] = {"__name__": "__main__"}
    for block in code:
        exec(compile(block, str(page), "exec"), names)
    return names


@pytest.fixture
def practice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A practice server that stands still in April 2026, and an empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    mpl.use("agg")
    now = datetime(2026, 4, 20, tzinfo=UTC)
    monkeypatch.setattr(Clock, "now", lambda self: now)  # a machine whose clock agrees with the server's
    with Sandbox(events=4_000, seed=0, now=now) as api:
        monkeypatch.setenv("TE_TOKEN", api.token)
        monkeypatch.setenv("TE_BASE_URL", api.url)
        yield api
    plt.close("all")


def test_the_reference_has_every_public_name_once():
    reference = "\n".join(path.read_text(encoding="utf-8") for path in sorted((DOCS / "reference").glob("*.md")))
    documented = re.findall(r"^\.\. auto(?:function|class|exception):: (\w+)(?:\(\))?$", reference, re.MULTILINE)
    sandbox = set(sandbox_names)
    assert sorted(set(documented) - sandbox) == taf.__all__
    assert len(documented) == len(set(documented))


def test_the_schema_page_has_every_column_with_its_type():
    page = (DOCS / "schema.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| `([^`]+)` \|", page, re.MULTILINE))
    spelled = {field.name: str(field.type).replace("item: ", "") for field in ARROW_SCHEMA}
    assert rows == spelled
    assert list(rows) == ARROW_SCHEMA.names
    assert f"It is {SCHEMA_VERSION}." in page


@pytest.mark.few(count=1)
@pytest.mark.parametrize("title", ["The version", "DuckDB", "Polars"])
def test_the_schema_pages_python_runs(title: str, practice: Sandbox):
    taf.Archive("te-audit").sync(taf.Client(), start="2026-03-01")
    run(SCHEMA, blocks(section(SCHEMA, title), "python"))


def spark_blocks() -> list[str]:
    return blocks(section(SCHEMA, "Spark"), "python")


@pytest.mark.full
def test_the_schema_pages_spark_runs(practice: Sandbox, spark: Any):
    taf.Archive("te-audit").sync(taf.Client(), start="2026-03-01")
    zone = spark.conf.get("spark.sql.session.timeZone")
    try:
        # Java keeps the folder in which it was started.
        run(SCHEMA, [each.replace('"te-audit/', f'"{Path.cwd()}/te-audit/') for each in spark_blocks()])
    finally:  # other tests use the same session
        spark.conf.set("spark.sql.session.timeZone", zone)


@pytest.mark.full
def test_the_schema_pages_dbt_source_is_the_table_that_duckdb_sees(practice: Sandbox):
    yaml = pytest.importorskip("yaml")
    taf.Archive("te-audit").sync(taf.Client(), start="2026-03-01")
    text = section(SCHEMA, "dbt")
    (source,) = yaml.safe_load(*blocks(text, "yaml"))["sources"]
    (table,) = source["tables"]
    described = duckdb.sql(f"DESCRIBE FROM {source['meta']['external_location']}").fetchall()
    assert [(each["name"], each["data_type"]) for each in table["columns"]] == [
        (name, dtype.lower()) for name, dtype, *_ in described
    ]
    (rule,) = blocks(text, "sql")
    assert duckdb.sql(rule).fetchall() == []


@pytest.mark.few(count=2)
@pytest.mark.filterwarnings("ignore::te_audit_frames.AuditFramesWarning")  # the practice clock stands still
@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=pytest.mark.full if page.stem in LONG else ()) for page in PAGES],
    ids=lambda page: page.stem,
)
def test_the_guides_python_runs(page: Path, practice: Sandbox):
    code = blocks(page.read_text(encoding="utf-8"), "python")
    sync_before("".join(code))
    run(page, code)


@pytest.mark.full
@pytest.mark.filterwarnings("ignore::te_audit_frames.AuditFramesWarning")  # the practice clock stands still
def test_the_readmes_one_liners_answer_twelve_questions(practice: Sandbox):
    table = section(ROOT / "README.md", "One line for each question")
    lines = re.findall(r"^\| [^|]+\? \| `(taf\..+)` \|$", table, re.MULTILINE)
    assert len(lines) == table.count("? |") == 12
    names = {"taf": taf, "events": taf.fetch_events(window="90d")}
    sync_before(table)
    for line in lines:
        assert eval(line, names) is not None


def test_what_the_tests_run_is_what_the_pages_show():
    without = [page for page in [*PAGES, SCHEMA] if not blocks(page.read_text(encoding="utf-8"), "python")]
    assert {str(page.relative_to(DOCS)) for page in without} == {"guide/index.md", "guide/command-line.md"}


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(page: Path):
    links = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_reliability_page_names_every_campaign():
    page = (DOCS / "reliability.md").read_text(encoding="utf-8")
    assert [each.name for each in ROOT.glob("tests/faults/test_*.py") if f"`{each.name}`" not in page] == []


@pytest.mark.skipif(
    not (ROOT / "te_audit_frames" / "client" / "pagination.py").exists(),
    reason="the modules do not have these names yet",
)
def test_the_architecture_page_names_every_module():
    (tree,) = blocks(section(ROOT / "ARCHITECTURE.md", "The house"), "text")
    named: set[str] = set()
    folders = {2: ""}  # by indentation
    for line in tree.splitlines():
        indent = len(line) - len(line.lstrip())
        if match := re.match(r" +(\w+)/", line):
            folders[indent + 2] = f"{folders.get(indent, '')}{match[1]}/"
        elif indent in folders:
            named |= {folders[indent] + name for name in re.findall(r"\b\w+\.py\b", line)}
    package = ROOT / "te_audit_frames"
    there = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if path.parent == package or path.name != "__init__.py"
    }
    assert named == there


def test_the_readme_stays_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) < 900
