"""The vocabulary: the share of other products' event texts that it classifies, and the share that is right.

The texts, their labels and their sources are in `tests/data`, with the figures of the first look at each part.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

import te_audit_frames as taf
from benchmarks.measure import Result, alone
from te_audit_frames.checks.text.event_text import fold

TEXTS = Path(__file__).parent.parent / "tests" / "data" / "event_texts.csv"
PARTS = (
    "development",
    "kept aside",
    "second batch",
    "third batch",
    "third batch, kept aside",
    "fourth batch",
    "fifth batch",
    "sixth batch",
    "seventh batch",
    "seventh batch, kept aside",
    "eighth batch",
    "ninth batch",
    "tenth batch",
    "eleventh batch, kept aside",
    "twelfth batch",
    "thirteenth batch, kept aside",
    "fourteenth batch, kept aside",
    "fifteenth batch, kept aside",
    "as ThousandEyes might phrase them",
)


@dataclass(frozen=True)
class Label:
    """A text of another product's log, with its label."""

    text: str
    action: str
    object: str
    outcome: str
    part: str


@dataclass(frozen=True)
class Score:
    """The numbers of texts, and the mistakes, each with the classes that the text got."""

    texts: int
    readable: int
    classified: int
    mistakes: list[tuple[Label, tuple[str, str, str]]]

    @property
    def share_classified(self) -> float:
        """The percentage of texts with a known action and object."""
        return 100 * self.classified / self.texts

    @property
    def share_of_readable(self) -> float:
        """The percentage of the texts classified by a person that are classified here, too."""
        unreadable = sum("unclassified" in (label.action, label.object) for label, _ in self.mistakes)
        return 100 * (self.classified - unreadable) / self.readable

    @property
    def share_right(self) -> float:
        """The percentage of classified texts with the action, object and outcome of their label."""
        return 100 * (1 - len(self.mistakes) / self.classified)


def labels() -> list[Label]:
    """Return the labelled texts, each with its part."""
    with TEXTS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        Label(row["text"], row["action"], row["object"], row["outcome"], _part(row["batch"], row["text"]))
        for row in rows
    ]


def _part(batch: str, text: str) -> str:
    if batch in ("second", "fourth", "fifth", "sixth", "eighth", "ninth", "tenth", "twelfth"):
        return f"{batch} batch"
    if batch in ("eleventh", "thirteenth", "fourteenth", "fifteenth"):
        return f"{batch} batch, kept aside"
    if batch == "thousandeyes":
        return "as ThousandEyes might phrase them"
    # By a hash of the text alone, so that a new text moves no other one.
    number = hashlib.sha256(fold(text).encode()).digest()[0]
    if batch in ("third", "seventh"):
        return f"{batch} batch, kept aside" if number % 2 == 0 else f"{batch} batch"
    return "kept aside" if number % 10 < 3 else "development"


def score(labelled: Sequence[Label]) -> Score:
    """Classify the texts, and compare with their labels."""
    events = pd.DataFrame({"event": [label.text for label in labelled]}, dtype="str")
    said = taf.classify_events(events)[["action", "object", "outcome"]].itertuples(index=False, name=None)
    classified, mistakes = 0, []
    for label, reading in zip(labelled, said, strict=True):
        if "unclassified" in reading[:2]:
            continue
        classified += 1
        if reading != (label.action, label.object, label.outcome):
            mistakes.append((label, reading))
    readable = sum("unclassified" not in (label.action, label.object) for label in labelled)
    return Score(len(labelled), readable, classified, mistakes)


def run(full: bool) -> list[Result]:
    """Score each part."""
    everything = labels()
    results = []
    for part in PARTS:
        scored = score([label for label in everything if label.part == part])
        what = f"event texts of other products, {part} ({scored.texts})"
        for name, share, bound in (
            ("action and object classified", scored.share_classified, 90.0),
            ("classified of those that a person could", scored.share_of_readable, 90.0),
            ("of these right", scored.share_right, 99.0),
        ):
            results.append(Result(f"{what}: {name}", f"{share:.1f} %", f"at least {bound:g} %", share >= bound))
    return results


def mistakes() -> str:
    """Return one line per mistake: the text, the label, and the classes that the text got."""
    lines = []
    for part in PARTS:
        for label, said in score([label for label in labels() if label.part == part]).mistakes:
            lines.append(f"{part}: {label.text}: {label.action} {label.object} {label.outcome}, not {' '.join(said)}")
    return "\n".join(lines)


if __name__ == "__main__":
    alone(run)
    print(mistakes())
