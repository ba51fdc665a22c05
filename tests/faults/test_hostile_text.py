"""Text made to act only shows, in notebooks, pictures, terminals and spreadsheets, and every file gives it back."""

import csv
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
import termios
import unicodedata
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

import duckdb
import matplotlib as mpl
import pandas as pd
import pytest
from click.testing import CliRunner
from matplotlib import pyplot as plt
from support.campaign import spread
from support.hostile_text import ACTS, KINDS, PAYLOADS
from support.rawserver import RawServer, whole
from support.world import client_at

import te_audit_frames as taf
from te_audit_frames.cli.commands import program
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.storage.csv_jsonl import write_csv, write_jsonl

pytestmark = pytest.mark.campaign(full=200, middle=40, short=12)

START = datetime(2026, 4, 17, tzinfo=UTC)
END = START + timedelta(days=3)
DIMENSIONS = {"user": "user", "account-group": "account_group", "event-type": "event", "ip-address": "ip_address"}
NAMES = {name: "account_group_name" if name == "account_group" else name for name in DIMENSIONS.values()}
TEXT_COLUMNS = ["aid", "account_group_name", "event", "uid", "user", "ip_address"]


@pytest.fixture
def payloads(cases):
    return tuple(spread(PAYLOADS, cases))


@pytest.fixture
def api(payloads):
    with Sandbox(events_of(payloads), now=END, page_size=10, rate_limit=None) as api:
        yield api


@pytest.fixture
def events(api):
    return client_of(api).fetch_events(start=START, end=END, all_account_groups=True)


def client_of(api):
    return taf.Client(token=api.token, base_url=api.url, progress=False)


def events_of(texts):
    """One event for each text, in the API's words: it stands in every field but the date, also in one we do not know.

    That one is left out of every other page, so that both decoders have theirs to do.
    """
    return [
        dict.fromkeys(["aid", "accountGroupName", "event", "uid", "user", "ipAddress"], text)
        | {"date": f"{START + number * timedelta(minutes=21):%Y-%m-%dT%H:%M:%SZ}"}
        | {"resources": [{"type": text, "name": text}]}
        | ({"note": text} if number % 20 < 10 else {})
        for number, text in enumerate(texts)
    ]


def read(events):
    return taf.read_pages(json.dumps({"auditEvents": events}).encode())


def stored(text):
    """What a column holds of a text: all of it, but for half a surrogate pair, which no UTF-8 can hold."""
    return text.encode("utf-8", "replace").decode()


def file_names(texts):
    """Those of the texts that a file may be called."""
    for text in texts:
        with suppress(UnicodeEncodeError):
            if not {"/", "\0"} & set(text) and text not in (".", "..") and len(os.fsencode(text)) < 240:
                yield text


# ---- what arrives, and what files give back --------------------------------------------------------------------------


def test_a_short_campaign_has_texts_of_every_kind():
    assert len(set(PAYLOADS)) == len(PAYLOADS) == 200
    short = set(spread(PAYLOADS, 40))
    assert [kind for kind, texts in KINDS.items() if not short & set(texts)] == []


def test_every_text_arrives_as_it_was_sent(payloads, events):
    expected = list(map(stored, payloads))
    for name in TEXT_COLUMNS:
        assert events[name].tolist() == expected
    assert events["resources"].tolist() == [[{"type": text, "name": text}] for text in expected]
    for sent, text, extra in zip(events_of(payloads), expected, events["extra"], strict=True):
        # What no column can hold is in `extra`, half pairs and all.
        kept = {
            field: value
            for field, value in sent.items()
            if field == "note" or (field != "date" and text != sent["user"])
        }
        assert ({} if pd.isna(extra) else json.loads(extra)) == kept
    # The server escaped them; in plain UTF-8 they are read alike.
    plain = [stored(text) == text for text in payloads]
    sent = [event for event, is_plain in zip(events_of(payloads), plain, strict=True) if is_plain]
    body = json.dumps({"auditEvents": sent}, ensure_ascii=False).encode()
    pd.testing.assert_frame_equal(taf.read_pages(body), events[plain].reset_index(drop=True))


def test_every_text_is_counted_apart(payloads, events):
    truth = Counter(map(stored, payloads))
    for by, column in NAMES.items():
        summary = taf.summarize(events, by=by)
        assert dict(zip(summary[column], summary["events"], strict=True)) == truth
        assert taf.activity(events, by=by).groupby(column)["events"].sum().to_dict() == truth
    assert Counter(taf.explode_resources(events)["resource_name"]) == truth


def test_parquet_json_lines_and_the_archive_give_it_back_exactly(payloads, events, api, tmp_path):
    taf.write_parquet(events, tmp_path / "events.parquet")
    pd.testing.assert_frame_equal(taf.read_parquet(tmp_path / "events.parquet"), events)
    rows = duckdb.sql(f"select {', '.join(TEXT_COLUMNS)} from '{tmp_path}/events.parquet'").fetchall()
    assert rows == list(events[TEXT_COLUMNS].itertuples(index=False, name=None))

    write_jsonl(events, tmp_path / "events.jsonl")
    lines = (tmp_path / "events.jsonl").read_text(encoding="utf-8").split("\n")
    assert lines.pop() == ""
    for line, row in zip(map(json.loads, lines), events.to_dict("records"), strict=True):
        assert [line[name] for name in [*TEXT_COLUMNS, "resources"]] == [row[n] for n in [*TEXT_COLUMNS, "resources"]]
        assert line["extra"] == (None if pd.isna(row["extra"]) else json.loads(row["extra"]))

    archive = taf.Archive(tmp_path / "archive")
    archive.sync(client_at(api, END), start=START, settle=0)
    pd.testing.assert_frame_equal(archive.load(), events)
    assert archive.verify().ok
    assert archive.sync(client_at(api, END), start=START, settle=0).events_added == 0
    files = [path.relative_to(tmp_path).as_posix() for path in (tmp_path / "archive").rglob("*") if path.is_file()]
    allowed = r"archive/(events/event_date=2026-04-\d\d/events\.parquet|_meta/((coverage|manifest)\.json|lock))"
    assert [name for name in files if not re.fullmatch(allowed, name)] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "events.jsonl", "events.parquet"]


def test_files_may_be_called_so(payloads, tmp_path):
    events = read(events_of(payloads[:1]))
    expected = set()
    for text in file_names(payloads):
        path = tmp_path / f"{text}.parquet"
        taf.write_parquet(events, path)
        pd.testing.assert_frame_equal(taf.read_parquet(path), events)
        write_csv(events, tmp_path / f"{text}.csv")
        expected |= {f"{text}.parquet", f"{text}.csv"}
    assert {path.name for path in tmp_path.iterdir()} == expected
    assert len(expected) >= len(payloads)


# ---- spreadsheets ----------------------------------------------------------------------------------------------------


def read_csv(content):
    return list(csv.DictReader(io.StringIO(content.decode(), newline=""), strict=True))


def test_no_cell_of_a_csv_is_a_formula(payloads, events, tmp_path):
    taf.write_parquet(events, tmp_path / "events.parquet")
    write_csv(events, tmp_path / "events.csv")
    rows = read_csv((tmp_path / "events.csv").read_bytes())
    for text, row in zip(map(stored, payloads), rows, strict=True):
        assert {row[name].replace("'", "") for name in TEXT_COLUMNS} == {text.replace("'", "")}
        assert json.loads(row["resources"]) == [{"type": text, "name": text}]
    for word, name in DIMENSIONS.items():
        for command in ("summary", "activity"):
            words = [command, str(tmp_path / "events.parquet"), "--by", word, "--format", "csv"]
            found = read_csv(CliRunner().invoke(program, words).stdout_bytes)
            cells = {row[NAMES[name]] for row in found}
            bare = {cell.replace("'", "") for cell in cells}
            assert {stored(text).replace("'", "") for text in payloads} <= bare, words
            rows += found
    for cell in {cell for row in rows for cell in row.values()}:
        assert not re.match(r"[\t\r\n]", cell), ascii(cell)
        for part in [cell, *re.split(r"[;|\t\r\n]", cell)]:  # as programs read it that split at these
            # Said apart from the code under test: the first sign that a reader sees.
            seen = "".join(sign for sign in part if unicodedata.category(sign)[0] not in "CZ" and sign != '"')
            assert not re.match(r"[=+\-@\uff1d\uff0b\uff0d\uff20\u2212]", seen), ascii(cell)


# ---- messages --------------------------------------------------------------------------------------------------------


@pytest.mark.full
def test_messages_of_the_library_are_one_line_that_only_shows(payloads):
    answers = [
        answer
        for text in payloads
        for answer in (
            whole({"title": text, "detail": text, "errors": [{"field": text, text: [text]}]}, 400),
            whole({"error": text, "error_description": text}, 401),
            whole({"auditEvents": [{"date": text}]}),
            whole({"auditEvents": [{"date": "2026-04-17T00:00:00Z", "resources": {text: text}}]}),
            whole({"auditEvents": [], "_links": {"next": {"href": f"https://example.com/{text}"}}}),
            whole(f"Ada{text}".encode(errors="replace")),
        )
    ]
    told = set()
    with RawServer(answers) as api:
        client = taf.Client(token="practice", base_url=api.url, retries=0, progress=False)
        for _ in answers:
            with pytest.raises(taf.FetchError) as caught:
                client.fetch_events(start=START, end=END, all_account_groups=False)
            error = caught.value
            told |= {str(error), *map(str, error.args)}
            told |= {str(value) for name, value in vars(error).items() if name not in ("partial", "missing")}
    for text in file_names(payloads):
        with pytest.raises(taf.DecodeError) as caught, TemporaryDirectory() as folder:
            (Path(folder) / text).write_bytes(b"Ada")
            taf.read_pages(Path(folder) / text)
        told.add(str(caught.value))
    assert [text for text in told if not text.isprintable()] == []
    assert max(map(len, told)) < 4_000
    assert len(told) > 4 * len(payloads)


# ---- terminals -------------------------------------------------------------------------------------------------------

COMMANDS = """
import json, os, sys
from te_audit_frames.cli.commands import program
for url, *words in json.load(open(sys.argv[1])):
    os.environ["TE_BASE_URL"] = url
    try:
        program(words, prog_name="te-audit-frames")
    except SystemExit as end:
        print(f"--- {end.code}", flush=True)
"""


def run_on_a_terminal(commands, folder, token):
    """Run commands on a real terminal, one after the other; return what it got of each, and the exit codes."""
    (folder / "commands.json").write_text(json.dumps(commands))
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (50, 1_000))
    env = os.environ | {"TE_TOKEN": token, "PYTHONUTF8": "1"}
    words = [sys.executable, "-c", COMMANDS, folder / "commands.json"]
    seen = b""
    with subprocess.Popen(words, env=env, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs):
        os.close(theirs)
        with suppress(OSError):  # how Linux says that the other end of a terminal is closed
            while part := os.read(ours, 65_536):
                seen += part
    os.close(ours)
    parts = re.split(r"^--- (\w+)\n", seen.decode().replace("\r\n", "\n"), flags=re.MULTILINE)
    return parts[::2], list(map(int, parts[1::2]))


def test_nothing_that_acts_reaches_a_terminal(payloads, api, tmp_path):
    groups = len(set(map(stored, payloads)))
    period = ["--start", "2026-04-17", "--end", "2026-04-20", "--all-account-groups"]
    place = "red\x9b31m\x1bc\u202eder"
    fetch = ["fetch", *period, "--no-progress", "-o"]
    sync = ["sync", place, "--since", "2026-04-17", "--no-progress"]
    by = [
        [*words, "--by", word] for word in DIMENSIONS for words in (["summary", "e.parquet"], ["activity", "e.parquet"])
    ]
    formats = [["summary", "e.parquet", "--format", form] for form in ("csv", "json")]
    looks = [
        ["archive", "coverage", place],
        ["archive", "verify", place],
        ["archive", "coverage", place, "--format", "csv"],
    ]
    refusal = {
        "title": "".join(payloads),
        "detail": "\n".join(payloads),
        "errors": [{"field": text} for text in payloads],
    }
    with (
        RawServer([whole(refusal, 400)]) as refusing,
        RawServer([whole({"auditEvents": [{"date": "\u009b31m\u202e"}]})]) as misdating,
        Sandbox(events_of(payloads[:1]), now=END, token=api.token, rate_limit=None) as poorer,
    ):
        commands = [[api.url, *words] for words in ([*fetch, "e.parquet"], *by, *formats, sync)]
        commands += [[poorer.url, *sync], *([api.url, *words] for words in looks)]
        expected = [0] * len(commands)
        for text in file_names(payloads):
            commands += [["", "summary", f"./{text}"], ["", "archive", "verify", f"./{text}"]]
            # A glob is no place for an archive. One that matches no file is a mistake in the arguments, and "*" matches
            # the list of commands, which is not Parquet.
            expected += [5 if text == "*" else 2, 2] if set("*?[") & set(text) else [5, 5]
        commands += [[refusing.url, *fetch, "e.csv"], [misdating.url, *fetch, "e.csv"]]
        seen, codes = run_on_a_terminal(commands, tmp_path, api.token)
    assert codes == [*expected, 4, 5], seen[-3:]
    for words, text in zip(commands, seen, strict=False):
        acting = {sign for sign in text if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
        assert acting <= set("\n\u200c\u200d"), (words[1:], ascii(acting))
    for text in seen[1 : 1 + len(by) : 2]:
        # The last line may name the columns that do not fit.
        assert len([line for line in text.splitlines() if not line.startswith("(not shown: ")]) == 1 + groups
    assert "without" in seen[len(by) + 4]


# ---- notebooks and pictures ------------------------------------------------------------------------------------------


@cache
def notebook(texts):
    """Show everything of ours in a notebook, as HTML."""
    events = read(events_of(texts))
    with TemporaryDirectory(prefix="<b>red\x9b31m\x1bc\u202eder") as folder:
        archive = taf.Archive(folder)
        reports = []
        for sent in (events_of(texts), events_of(texts[:1])):  # the second sync names the groups that are not seen
            with Sandbox(sent, now=END, rate_limit=None) as api:
                reports.append(archive.sync(client_at(api, END), start=START, settle=0))
        for text in file_names(texts):
            Path(folder, "events", text).touch()  # a verification names what does not belong there
        ours = [*reports, archive.verify(), *(taf.receipt(read(events_of([text]))) for text in texts)]
        frames = [events, taf.explode_resources(events), archive.coverage()]
    assert not {sign for each in ours for sign in repr(each) if not sign.isprintable()} - {"\n"}
    frames += [taf.summarize(events, by=by) for by in [*NAMES, ["user", "event"]]]
    frames += [taf.activity(events, by=by) for by in NAMES]
    with pd.option_context("display.max_rows", None, "display.max_columns", None, "display.max_colwidth", 200):
        return [
            each._repr_html_() if hasattr(each, "_repr_html_") else f"<pre>{html.escape(repr(each))}</pre>"
            for each in frames + ours
        ]


class Shape(HTMLParser):
    """The elements of a page, with their attributes, and whatever else is not text."""

    def __init__(self, pages):
        super().__init__()
        self.found = set()
        self.handle_starttag = self.handle_startendtag = lambda *element: self.found.add(str(element))
        self.handle_comment = self.handle_decl = self.handle_pi = self.unknown_decl = self.found.add
        self.feed("".join(pages))
        self.close()


@pytest.mark.full
def test_a_notebook_shows_every_text_as_text(payloads):
    pages = notebook(payloads)
    assert Shape(pages).found == Shape(notebook(("Ada",))).found
    for text in payloads:
        if text.isprintable() and len(text) < 200:
            assert sum(html.escape(text.strip(), quote=False) in page for page in pages) >= 10, text


@cache
def pictures(texts):
    """Draw every plot of every text, and return it as SVG."""
    drawn = [save(taf.plot_heatmap(events := read(events_of(texts))))]
    for by, names in NAMES.items():
        # Names are outlines, with a comment that says them, or text.
        with mpl.rc_context({"svg.fonttype": "path" if by == "event" else "none"}):
            for start in range(0, len(events), 40):
                part = events[start : start + 40]
                bars = taf.plot_top(part, by=by, top=40)
                assert_literal(bars.get_yticklabels(), part[names])
                drawn.append(save(bars, as_png=by == "user"))
                for half in filter(len, (part[:20], part[20:])):
                    bars = taf.plot_activity(half, by=by, top=20)
                    assert_literal(
                        bars.get_legend().get_texts()[:-1], half[names]
                    )  # the last one is about the hatching
                    drawn.append(save(bars, as_png=by == "user"))
    return drawn


def assert_literal(labels, names):
    shown = [label.get_text() for label in labels]
    assert len(shown) == len(set(shown)) == names.nunique()
    assert all(text.isprintable() and text.strip() for text in shown)
    assert not [label for label in labels if label.get_parse_math() or label.get_usetex()]
    for name in names:
        if name.isprintable() and len(name) <= 40:
            clean = " ".join(name.split()) or "(blank)"
            assert {clean, f"{clean} [{clean}]"} & set(shown), name


def save(ax, as_png=True):
    if as_png:
        ax.figure.savefig(png := io.BytesIO(), format="png", dpi=40)
        assert png.getvalue().startswith(b"\x89PNG")
    ax.figure.set_layout_engine("none")  # once is enough; it is most of the work
    ax.figure.savefig(svg := io.BytesIO(), format="svg")
    plt.close(ax.figure)
    return svg.getvalue().decode()


ELEMENTS = {"svg", "metadata", "RDF", "Work", "type", "date", "format", "creator", "Agent", "title"}  # and its own data
ELEMENTS |= {"defs", "style", "g", "path", "use", "clipPath", "rect", "pattern", "text", "image"}


@pytest.mark.full
@pytest.mark.campaign(full=200, middle=40, short=3)
def test_pictures_draw_every_name_as_text(payloads):
    plt.switch_backend("agg")
    for svg in pictures(payloads):
        for element in ElementTree.fromstring(svg).iter():
            name, *attributes = (re.sub("{.*}", "", part) for part in (element.tag, *element.attrib))
            assert name in ELEMENTS
            assert not [attribute for attribute in attributes if attribute.startswith("on")]
            assert element.get("{http://www.w3.org/1999/xlink}href", "#").startswith(("#", "data:image/png;"))


# ---- a browser -------------------------------------------------------------------------------------------------------

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--virtual-time-budget=5000"]
RUNS = "<script>alert(1)</script>"


def noting(name):
    """A script, after which whatever calls `alert` is noted in the title of the page."""
    return f"<script>alert=()=>top.postMessage('{name}','*')</script>"


def framed(name, content):
    return f'<iframe srcdoc="{html.escape(noting(name) + content)}"></iframe>'


# A browser takes longer to start than a hundred tests.
@pytest.mark.full
@pytest.mark.campaign(full=200, middle=40, short=3)
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here to open notebooks and pictures in")
def test_nothing_runs_in_a_browser(payloads, tmp_path):
    plt.switch_backend("agg")
    drawn = pictures(payloads)
    page = "<!doctype html><meta charset=utf-8><script>onmessage=note=>document.title+=' '+note.data</script>"
    page += noting("page") + "".join(notebook(payloads))
    page += noting("inline") + "".join(drawn)
    for number, svg in enumerate(drawn):
        (tmp_path / f"{number}.svg").write_text(
            re.sub("(<svg.*?>)", rf"\1{noting(f'svg-{number}')}", svg, count=1, flags=re.DOTALL)
        )
        page += f"<iframe src={number}.svg></iframe>"
    # What is not made harmless does run and is noted, or this could not fail.
    (tmp_path / "control.svg").write_text(
        f"<svg xmlns='http://www.w3.org/2000/svg'>{noting('control-svg')}{RUNS}</svg>"
    )
    page += "<iframe src=control.svg></iframe>"
    acting = [text for kind in ACTS for text in KINDS[kind] if text in payloads]
    for number, text in enumerate(acting):
        page += framed(f"control-{number}", f"<table><tr><td>{text}</td></tr></table>")
    (tmp_path / "page.html").write_text(page, errors="replace")
    words = [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path}/profile", "--dump-dom", (tmp_path / "page.html").as_uri()]
    done = subprocess.run(words, capture_output=True, check=True, timeout=300)
    noted = re.search("<title>(.*?)</title>", done.stdout.decode()).group(1).split()
    assert set(noted) == {"control-svg", *(f"control-{number}" for number in range(len(acting)))}
