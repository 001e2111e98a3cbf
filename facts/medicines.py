"""The medicine dictionary: written medicines become ingredients and classes, and those become findings.

Only an exact name counts (after letter case, hyphens, strength, form and salt are set aside). Look-alike names are a safety
matter, so a near miss is suggested to the writer and never acted on.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated

from facts.declaring.declared import Limits, Name, declared
from facts.finding_search import suggest_finding
from facts.problems import CharleyError, Place, Problem, did_you_mean, quoted
from facts.vocabulary import Vocabulary


@declared
class MedicineClass:
    """What medicines have in common, and the findings that taking one, or having stopped one, makes true."""

    label: str
    current: list[Name] = field(default_factory=list)
    stopped: list[Name] = field(default_factory=list)
    stopped_within_days: Annotated[list[float], Limits(min_length=2, max_length=2)] | None = None
    """Days since the last dose, both ends included, in which the stop counts."""
    stopped_after_weeks: float = 0
    """The least weeks of use after which the stop counts."""
    shortest_course_days: float = 0
    """The least days that an order in a record ran for its end to count as a stop; nobody says how long it was taken before."""
    source: str | list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.stopped and self.stopped_within_days is None:
            raise ValueError("`stopped` needs `stopped_within_days`")

    def stop_counts(self, days_ago: float | None, after_weeks: float | None) -> bool | None:
        """Judge a stopped medicine of this class: True, False, or None while a time that matters is unknown."""
        if self.stopped_within_days is None:
            return False
        first, last = self.stopped_within_days
        recent = None if days_ago is None else first <= days_ago <= last
        long_used = True if self.stopped_after_weeks == 0 else None
        if after_weeks is not None:
            long_used = after_weeks >= self.stopped_after_weeks
        if recent is False or long_used is False:
            return False
        return True if recent and long_used else None


@declared
class Medicine:
    """An ingredient, a combination that has a name of its own, or a group that people name instead ("a water tablet")."""

    atc: list[str] = field(default_factory=list)
    rxnorm: list[str] = field(default_factory=list)
    """Codes of its products, for records that give a code and no name."""
    classes: list[str] = field(default_factory=list)
    possible: list[str] = field(default_factory=list)
    """Classes that only some medicines of this name have: what they decide stays unknown, unless another entry decides it."""
    names: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    unchecked: bool = False


@declared
class _MedicineFile:
    classes: dict[Name, MedicineClass]
    medicines: dict[str, Medicine]


@declared
class _WordFile:
    ignored: list[str]
    cautions: list[str]


@dataclass(frozen=True, slots=True)
class Recognition:
    """What a written medicine was taken for. `doubt` says what could not be recognized, "" when all of it was."""

    text: str
    medicines: tuple[str, ...] = ()
    doubt: str = ""


@dataclass(frozen=True)
class MedicineDictionary:
    """Classes and medicines by id, every name they go by, and the findings that a medicine list decides."""

    classes: Mapping[str, MedicineClass]
    medicines: Mapping[str, Medicine]
    names: Mapping[str, str]
    places: Mapping[str, Place]
    longest_name: int
    current_findings: tuple[str, ...]
    stopped_findings: tuple[str, ...]
    ignored: frozenset[str]
    """Words beside a name that say nothing of which medicine it is: strengths, forms, salts."""
    cautions: frozenset[str]
    """Words that leave open whether it is taken now."""
    recognized: dict[str, Recognition] = field(default_factory=dict, compare=False, repr=False)
    """Texts matched before: the same few names come again and again in a cohort."""

    def recognize(self, text: str) -> Recognition:
        """Match one written medicine ("HCTZ 25 mg", "Ventolin inhaler") against the dictionary."""
        known = self.recognized.get(text)
        if known is None:
            known = self._match(text)
            if len(self.recognized) < 100_000:
                self.recognized[text] = known
        return known

    def _match(self, text: str) -> Recognition:
        words = [*_words(text), "?"] if "?" in text else _words(text)
        found: list[str] = []
        strange: list[str] = []
        at = 0
        while at < len(words):
            for length in range(min(self.longest_name, len(words) - at), 0, -1):
                medicine = self.names.get(" ".join(words[at : at + length]))
                if medicine is not None:
                    found.append(medicine)
                    at += length
                    break
            else:
                if words[at] in self.cautions:
                    doubt = f"the word {words[at]!r} leaves open whether it is taken now"
                    return Recognition(text, (), f"{doubt}; list only what is taken, or use stopped_medicines")
                if words[at] not in self.ignored and not words[at][0].isdigit():
                    strange.append(words[at])
                at += 1
        distinct = tuple(dict.fromkeys(found))
        if strange or not distinct:
            return Recognition(text, distinct, self._doubt(strange, bool(distinct)))
        return Recognition(text, distinct)

    def _doubt(self, strange: list[str], in_part: bool) -> str:
        what = f"{quoted(' '.join(strange))} in it is not a name we know" if in_part else "not a name we know"
        near = did_you_mean(" ".join(strange), self.names) if strange else ""
        return f"{what}; {near}" if near else what


def load_medicines(path: Path, shown: str, vocabulary: Vocabulary) -> MedicineDictionary:
    """Load a medicine dictionary and check it against the vocabulary. Raises CharleyError with all problems."""
    from facts.declaring.schema_reading import read_knowledge_file, validate

    document = read_knowledge_file(path, shown)
    file = validate(_MedicineFile, document)
    problems: list[Problem] = []
    for name, group in file.classes.items():
        for finding in (*group.current, *group.stopped):
            place = document.place(("classes", name))
            if finding not in vocabulary.findings:
                problems.append(Problem(place, f"{name}: {finding} is not a finding", suggest_finding(finding, vocabulary)))
            elif vocabulary.findings[finding].kind != "yes_no":
                problems.append(Problem(place, f"{name}: {finding} is not a yes/no finding", "name one that is"))
    names: dict[str, str] = {}
    for medicine, entry in file.medicines.items():
        place = document.place(("medicines", medicine), of_key=True)
        for unknown in sorted({*entry.classes, *entry.possible} - set(file.classes)):
            problems.append(
                Problem(place, f"{medicine}: the class {unknown} is not declared", did_you_mean(unknown, file.classes))
            )
        for unknown in set(entry.parts) - set(file.medicines):
            problems.append(Problem(place, f"{medicine}: its part {unknown} is not declared", "declare it"))
        for written in (medicine, *entry.names):
            normalized = " ".join(_words(written))
            if names.setdefault(normalized, medicine) != medicine:
                message = f"the name {written!r} stands for both {names[normalized]} and {medicine}"
                problems.append(Problem(place, message, "a name must mean one medicine: remove it from one"))
    if problems:
        raise CharleyError(sorted(problems))
    places = {
        name: document.place((kind, name), of_key=True) for kind in ("classes", "medicines") for name in document.value[kind]
    }
    return dictionary(file.classes, file.medicines, names, places)


def dictionary(
    classes: Mapping[str, MedicineClass],
    medicines: Mapping[str, Medicine],
    names: Mapping[str, str],
    places: Mapping[str, Place],
) -> MedicineDictionary:
    """Make a dictionary of checked parts; with none of them it is the dictionary of a knowledge base without medicines."""
    return MedicineDictionary(
        classes,
        medicines,
        names,
        places,
        max((len(name.split()) for name in names), default=0),
        tuple(dict.fromkeys(finding for group in classes.values() for finding in group.current)),
        tuple(dict.fromkeys(finding for group in classes.values() for finding in group.stopped)),
        *_ignored_and_cautions(),
    )


@dataclass(frozen=True, slots=True)
class Stopped:
    """A medicine that is no longer taken; None stands for a time that was not told."""

    name: str
    days_ago: float | None = None
    after_weeks: float | None = None
    source: str = ""
    """Where a record says so."""

    def __str__(self) -> str:
        days = "" if self.days_ago is None else f" {_counted(self.days_ago, 'day')} ago"
        weeks = "" if self.after_weeks is None else f" after {_counted(self.after_weeks, 'week')}"
        source = f" ({self.source})" if self.source else ""
        return f"{self.name}, stopped{' today' if self.days_ago == 0 else days}{weeks}{source}"


Derived = Mapping[str, tuple[bool, str]]
"""Findings that a list decides: the answer, and the entries it comes from ("" for an absence)."""


def findings_of_current(dictionary: MedicineDictionary, medicines: Iterable[Recognition]) -> Derived:
    """Turn a complete list of current medicines into findings.

    What is not on the list is absent; but while an entry was not fully recognized, what nothing on the list belongs to stays
    unknown, and is left out here. So is what only some medicines of a group decide.
    """
    recognitions = list(medicines)
    present: dict[str, list[str]] = {}
    doubtful: dict[str, list[str]] = {}
    for recognition in recognitions:
        for group, sure in _classes(dictionary, recognition):
            kept = present if sure else doubtful
            for finding in group.current:
                kept.setdefault(finding, []).append(recognition.text)
    recognized = all(not recognition.doubt for recognition in recognitions)
    return _decided(dictionary.current_findings, present, doubtful, recognized)


def findings_of_stopped(dictionary: MedicineDictionary, stopped: Iterable[tuple[Stopped, Recognition]]) -> Derived:
    """Turn a complete list of stopped medicines into findings; a stop whose time is not known leaves its finding unknown."""
    entries = list(stopped)
    present: dict[str, list[str]] = {}
    doubtful: dict[str, list[str]] = {}
    for entry, recognition in entries:
        for group, sure in _classes(dictionary, recognition):
            counts = group.stop_counts(entry.days_ago, entry.after_weeks)
            if counts is not False:
                kept = present if counts and sure else doubtful
                for finding in group.stopped:
                    kept.setdefault(finding, []).append(str(entry))
    recognized = all(not recognition.doubt for _, recognition in entries)
    return _decided(dictionary.stopped_findings, present, doubtful, recognized)


def _classes(dictionary: MedicineDictionary, recognition: Recognition) -> Iterator[tuple[MedicineClass, bool]]:
    """Yield each class of what was recognized, and whether it is sure to have it."""
    entries = [dictionary.medicines[medicine] for medicine in recognition.medicines]
    sure = dict.fromkeys(name for entry in entries for name in entry.classes)
    possible = dict.fromkeys(name for entry in entries for name in entry.possible if name not in sure)
    yield from ((dictionary.classes[name], True) for name in sure)
    yield from ((dictionary.classes[name], False) for name in possible)


def _decided(
    findings: Iterable[str], present: Mapping[str, list[str]], doubtful: Mapping[str, list[str]], recognized: bool
) -> Derived:
    decided: dict[str, tuple[bool, str]] = {}
    for finding in findings:
        if finding in present:
            decided[finding] = (True, "; ".join(dict.fromkeys(present[finding])))
        elif recognized and finding not in doubtful:
            decided[finding] = (False, "")
    return decided


def _counted(number: float, unit: str) -> str:
    return f"{number:g} {unit}" if number == 1 else f"{number:g} {unit}s"


_SLASHED = re.compile(r"(?<![^\W_])([a-z])/([a-z])(?![^\W_])")


def _words(text: str) -> list[str]:
    # "d/c" (discontinued) is one word, and so are "w/o" and "n/a"; a possessive or a participle may hang on ("d/c'd").
    folded = _SLASHED.sub(r"\1\2", unicodedata.normalize("NFKC", text).casefold())
    # A strength stuck to its unit ("25mg") starts with a digit and is ignored as one word.
    return re.findall(r"\d[\w.,%]*|[^\W_]+", folded)


@cache
def _ignored_and_cautions() -> tuple[frozenset[str], frozenset[str]]:
    from facts.declaring.schema_reading import read_knowledge_file, validate

    path = Path(__file__).with_name("medicine_words.yaml")
    words = validate(_WordFile, read_knowledge_file(path, path.name))
    return frozenset(" ".join(words.ignored).split()), frozenset(" ".join(words.cautions).split())
