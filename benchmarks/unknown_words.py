"""Unknown words: how often a text gets a wrong class, instead of none, because the table lacks one of its words.

Unseen texts are simulated. Each noun, and each verb, by which a labelled text was classified is taken out of the table,
and the text is classified again. The right answer is then `unclassified`, or the same class by another rule.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.measure import Result, alone
from benchmarks.vocabulary import Label, labels
from te_audit_frames.checks.text.event_text import read
from te_audit_frames.checks.text.loading import load_vocabulary
from te_audit_frames.checks.text.reading import UNCLASSIFIED, Reading
from te_audit_frames.checks.text.words import Tables, singular

SAME, NONE, OTHER = "same", "unclassified", "another"
_OF_RULES = frozenset({"assign", "execute", "share", "update"})
"""Verbs that the rules themselves put in the place of longer phrases. They are not taken out."""


@dataclass(frozen=True)
class Trial:
    """A labelled text, read with the whole table and without one of its words.

    Attributes
    ----------
    label : Label
        The text, with its label.
    word : str
        The noun or the verb that was taken out.
    before, after : Reading
        The text as read with the word, and without it.
    result : str
        Whether the class that the word stood for is the `SAME`, `NONE` or an `OTHER` one afterwards.
    """

    label: Label
    word: str
    before: Reading
    after: Reading
    result: str


def without_noun(tables: Tables, phrase: str) -> Tables:
    """Return the tables without a noun and the phrases made with it: without "role" and "custom role"."""
    words = tuple(map(singular, phrase.split()))

    def has_it(other: str) -> bool:
        others = tuple(map(singular, other.split()))
        return any(others[at : at + len(words)] == words for at in range(len(others) - len(words) + 1))

    return _changed(tables, "objects", lambda other: not has_it(other), keep={"verbs", "action_of", "action_nouns"})


def without_verb(tables: Tables, word: str) -> Tables:
    """Return the tables without a verb, by one of its forms, or without a noun that names an action."""
    base, _ = tables.verbs.get(tuple(word.split()), (singular(word), ""))
    kept = _changed(tables, "actions", lambda other: other != base, keep={"phrases"})
    return _changed(kept, "nouns", lambda other: other != singular(word), keep={"phrases", "verbs", "action_of"})


def _changed(tables: Tables, section: str, wanted: Callable[[str], bool], keep: Collection[str]) -> Tables:
    old: Mapping[str, Sequence[str]] = getattr(tables, section)
    new = {name: [word for word in words if wanted(word)] for name, words in old.items()}
    changed = replace(tables, **{section: new})
    for name in keep:  # what was computed once and does not depend on the section
        changed.__dict__[name] = getattr(tables, name)
    return changed


def nouns_left_out(labelled: Sequence[Label]) -> Iterator[Trial]:
    """Read each text without the noun that named its object."""
    tables = load_vocabulary()
    by_noun: dict[str, list[tuple[Label, Reading]]] = defaultdict(list)
    for label in labelled:
        reading = read(label.text, tables)
        phrase = reading.rule.rpartition(" / ")[2] if " / " in reading.rule else ""
        if reading.object != UNCLASSIFIED and tuple(map(singular, phrase.split())) in tables.phrases:
            by_noun[phrase].append((label, reading))
    for phrase, readings in by_noun.items():
        fewer = without_noun(tables, phrase)
        for label, before in readings:
            after = read(label.text, fewer)
            yield Trial(label, phrase, before, after, _result(before.object, after.object, after.action))


def verbs_left_out(labelled: Sequence[Label]) -> Iterator[Trial]:
    """Read each text without the verb that named its action."""
    tables = load_vocabulary()
    by_verb: dict[str, list[tuple[Label, Reading]]] = defaultdict(list)
    for label in labelled:
        reading = read(label.text, tables)
        verb = reading.rule.partition(": ")[2].partition(" / ")[0]
        is_known = tuple(verb.split()) in tables.verbs or verb in tables.action_nouns
        if reading.action != UNCLASSIFIED and is_known and tables.verbs.get((verb,), ("",))[0] not in _OF_RULES:
            by_verb[verb].append((label, reading))
    for verb, readings in by_verb.items():
        fewer = without_verb(tables, verb)
        for label, before in readings:
            after = read(label.text, fewer)
            yield Trial(label, verb, before, after, _result(before.action, after.action, after.object))


def _result(before: str, after: str, beside: str) -> str:
    if UNCLASSIFIED in (after, beside):
        return NONE
    return SAME if after == before else OTHER


def run(full: bool) -> list[Result]:
    """Count the results for nouns and verbs. Without `full`, every eighth text is tried."""
    labelled = labels()[:: 1 if full else 8]
    results = []
    for what, trials in (("noun", nouns_left_out(labelled)), ("verb", verbs_left_out(labelled))):
        counts = Counter(trial.result for trial in trials)
        total = counts.total()
        wrong = 100 * counts[OTHER] / total
        name = f"event texts of other products, their {what} taken out of the table ({total})"
        results.append(Result(f"{name}: a wrong class", f"{wrong:.1f} %"))
        results.append(Result(f"{name}: none", f"{100 * counts[NONE] / total:.1f} %"))
    return results


def guesses() -> str:
    """Return one line per wrong class: the word that was taken out, the text, its object, and the wrong reading."""
    lines = []
    for trials in (nouns_left_out(labels()), verbs_left_out(labels())):
        for trial in trials:
            if trial.result == OTHER:
                said = f"{trial.after.action} {trial.after.object}, by {trial.after.rule}"
                lines.append(f"{trial.word}: {trial.label.text} ({trial.before.object}): {said}")
    return "\n".join(sorted(lines))


if __name__ == "__main__":
    alone(run)
    print(guesses())
