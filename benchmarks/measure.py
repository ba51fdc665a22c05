"""Tools of the benchmarks: times side by side, memory in a new process, and the table of results."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """One figure of one claim.

    Attributes
    ----------
    what : str
        What was measured, against what.
    figure : str
        The ratio or size, with its unit.
    bound : str
        The promised bound; empty if nothing was promised.
    met : bool or None
        Whether the figure keeps to the bound; None if there is none.
    """

    what: str
    figure: str
    bound: str = ""
    met: bool | None = None


def at_most(what: str, value: float, bound: float, unit: str = "x") -> Result:
    """Return a result with an upper bound."""
    return Result(what, f"{value:.2f} {unit}", f"at most {bound:g} {unit}", value <= bound)


def at_least(what: str, value: float, bound: float, unit: str = "x") -> Result:
    """Return a result with a lower bound."""
    return Result(what, f"{value:.1f} {unit}", f"at least {bound:g} {unit}", value >= bound)


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def side_by_side(*works: Callable[[], object], runs: int = 5) -> list[list[float]]:
    """Time several calls in turn, so that a slower machine slows all of them. Return one row of seconds per run."""
    for work in works:
        work()
    return [[seconds(work) for work in works] for _ in range(runs)]


def ratio(rows: Sequence[Sequence[float]], ours: int, theirs: int) -> float:
    """Return the median over the runs of the ratio of two calls' times."""
    return statistics.median(row[ours] / row[theirs] for row in rows)


def share(what: str, rows: Sequence[Sequence[float]], ours: int, theirs: int, bound: float | None = None) -> Result:
    """Return a result with one call's time as a share of another's: the median over the runs, and the worst run."""
    median, worst = ratio(rows, ours, theirs), max(row[ours] / row[theirs] for row in rows)
    figure = f"{median:.2f} x (worst run {worst:.2f})"
    return Result(what, figure) if bound is None else Result(what, figure, f"at most {bound:g} x", median <= bound)


def growth_of_memory(setup: str, work: str) -> float:
    """Run `setup` and then `work` in a new process. Return by how much `work` raised its peak memory, in MiB."""
    # Linux's own high-water mark, because getrusage's also counts memory of the parent process.
    peak = "int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    program = f"{setup}\nbefore = {peak}\n{work}\nprint(({peak} - before) / 1024)\n"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def table(results: Sequence[Result]) -> str:
    """Return results as a Markdown table."""
    marks = {True: "yes", False: "**no**", None: ""}
    rows = [f"| {result.what} | {result.figure} | {result.bound} | {marks[result.met]} |" for result in results]
    return "\n".join(["| what | measured | promised | met |", "| --- | --- | --- | --- |", *rows])


def alone(run: Callable[[bool], list[Result]]) -> None:
    """Run one program from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true", help="take the sizes that the claims name")
    print(table(run(parser.parse_args().full)))
