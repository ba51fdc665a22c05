"""Templates of a report: whatever is put into a page or a picture is text in it."""

from __future__ import annotations

import base64
import hashlib
import re
from xml.etree import ElementTree as ET

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.hostile_text import PAYLOADS
from support.report_pages import Page

from te_audit_frames.report.blocks import Column, Facts, Heading, Notes, Paragraph, Section, Table
from te_audit_frames.report.rendering import render_page, render_picture


def page(*blocks, title="Report", **changed):
    content = {"title": title, "period": "", "zone": "UTC", "verdicts": [], "footer": "", "version": "1"}
    sections = [Section("section", "Section", blocks)]
    return render_page(**content | {"sections": sections} | changed).decode()


LETTERS = st.text(st.sampled_from("<>&\"'/ =-:T+Z.0123456789ab{}%名\u05d0"), max_size=40)


@given(LETTERS | LETTERS.map(lambda text: f"2026-03-02T09:00:00Z{text}2026-03-02 "))
def test_a_text_of_any_block_is_read_as_it_was_written(text):
    table = Table("table", text, [Column("a", [text])], folded=text, anchor="there")
    found = Page(page(Paragraph(text), Notes([text]), Facts([(text, text)]), Heading(text), table, title=text))
    assert found.words.count(" ".join(text.split())) >= 8 * bool(text.strip())
    assert found.tables["table"] == [["a"], [text]]
    assert {tag for tag, _ in found.tags} <= {tag for tag, _ in Page(page(*BLOCKS, title="名")).tags}


BLOCKS = [
    Paragraph("2026-03-02"),
    Notes(["x"]),
    Facts([("a", "名")]),
    Heading("b"),
    Table("table", "名", [Column("a", ["名"])], folded="名", anchor="there"),
]


@pytest.mark.parametrize("text", [text for text in PAYLOADS if len(text) < 200][::8])
def test_a_hostile_text_adds_no_tag(text):
    hostile = Page(page(Paragraph(text), Notes([text]), Facts([(text, text)]), title=text))
    assert {tag for tag, _ in hostile.tags} <= {tag for tag, _ in Page(page(*BLOCKS, title="名")).tags}


@pytest.mark.parametrize(
    "date",
    ["2026-03-02", "2026-03-02 09:00", "2026-03-02T09:00:00Z", "2026-03-02 09:00:00.123456+05:45", "0001-01-01"],
)
def test_a_date_is_one_piece(date):
    assert f'<p>from <span class="d">{date}</span>.</p>' in page(Paragraph(f"from {date}."))


@pytest.mark.parametrize("text", ["2026-3-2", "26-03-02", "12:30", "2026/03/02"])
def test_what_is_no_date_can_be_broken(text):
    assert f"<p>{text}</p>" in page(Paragraph(text))


def test_the_policy_names_the_digest_of_the_style_that_is_there():
    html = page()
    style = re.search("<style>(.*?)</style>", html, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src &#39;sha256-{digest}&#39;;" in html or f"style-src 'sha256-{digest}';" in html


def test_content_that_is_forgotten_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        render_page(title="x")
    with pytest.raises(jinja2.UndefinedError):
        render_picture("bars.svg", width=1)


def test_half_a_character_does_not_stop_a_report():
    assert "a?b" in page(Paragraph("a\ud800b"))


def test_a_picture_is_carried_by_its_address():
    bars = [{"name": "<script>", "text": "名", "length": "3", "y": "4"}]
    uri = render_picture("bars.svg", width=10, height=10, bars=bars, left="2", above=True)
    root = ET.fromstring(base64.b64decode(uri.removeprefix("data:image/svg+xml;base64,")))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")] == ["<script>", "名"]
