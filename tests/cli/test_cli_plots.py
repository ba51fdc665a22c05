"""The command plot."""

import pytest
from support.command_line import run

pytestmark = pytest.mark.usefixtures("a_machine_whose_clock_agrees_with_the_servers")


@pytest.mark.few(count=2)
@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("PDF", b"%PDF")])
@pytest.mark.parametrize(
    "words",
    [("activity", "--by", "event-type", "--freq", "W"), ("heatmap", "--tz", "Asia/Tokyo"), ("top", "--top", "3")],
    ids=lambda words: words[0],
)
@pytest.mark.full
def test_plot_writes_pictures(parquet, tmp_path, words, suffix, magic):
    target = tmp_path / f"picture.{suffix}"
    result = run("plot", *words, parquet, "-o", target)
    assert (result.exit_code, result.output) == (0, "")
    assert target.read_bytes().startswith(magic)


def test_plot_refuses_an_unknown_kind_of_picture_before_it_reads(tmp_path):
    result = run("plot", "heatmap", tmp_path / "nothing.parquet", "-o", tmp_path / "heatmap.gif")
    assert result.exit_code == 2
    assert "must end in .png, .svg or .pdf" in result.stderr
