"""The screens of a consultation: which questions are asked together, and which screens come first (interview.yaml)."""

from collections.abc import Mapping
from dataclasses import dataclass

from facts.medicines import MedicineDictionary
from facts.vocabulary import Vocabulary
from knowledge_base.schema import AskedBy, InterviewFile

MEDICINES = "medicines"
"""The id of the screen that asks for the medicine lists, where none is declared."""


@dataclass(frozen=True, slots=True)
class Screen:
    """Questions that are asked together. `medicines` is the screen that asks for the medicine lists instead."""

    id: str
    label: str
    lead_in: str
    by: AskedBy
    ask: tuple[str, ...] = ()
    each: frozenset[str] = frozenset()
    """The questions of which silence says nothing: each wants an answer of its own."""
    medicines: bool = False


@dataclass(frozen=True)
class Interview:
    """Every screen by id, in the order of declaration, and the ids of those that come first."""

    opening: tuple[str, ...]
    screens: Mapping[str, Screen]


def told_by_lists(vocabulary: Vocabulary, dictionary: MedicineDictionary) -> frozenset[str]:
    """Return the findings that the medicine lists decide, so that nobody is asked for them one by one."""
    listed = {name for group in dictionary.classes.values() for name in (*group.current, *group.stopped)}
    return frozenset(listed & set(vocabulary.findings))


def opens_a_page(name: str, beside: tuple[str, ...], vocabulary: Vocabulary) -> bool:
    """Return whether most of what hangs on a finding is asked on another page than the questions `beside` it."""
    return sum(child not in beside for child in vocabulary.children.get(name, ())) > 3


def declared(file: InterviewFile) -> Interview:
    """Return the interview that a file declares."""
    screens = {
        name: Screen(name, entry.label, entry.lead_in, entry.by, tuple(entry.ask), frozenset(entry.each), entry.medicines)
        for name, entry in file.screens.items()
    }
    return Interview(tuple(file.opening), screens)


def by_groups(vocabulary: Vocabulary, dictionary: MedicineDictionary) -> Interview:
    """Make an interview for a knowledge base that declares none: a screen for each group of findings, medicines first."""
    listed = told_by_lists(vocabulary, dictionary)
    screens: dict[str, Screen] = {}
    if listed:
        screens[MEDICINES] = Screen(MEDICINES, "Medicines", "Which medicines are taken?", "history", medicines=True)
    for group, label in vocabulary.groups.items():
        asked = tuple(name for name, finding in vocabulary.findings.items() if finding.group == group and name not in listed)
        if asked:
            screens.setdefault(f"group_{group}", Screen(f"group_{group}", label, f"{label}:", "history", asked))
    return Interview(tuple(screens)[:1] if listed else (), screens)
