"""What can be asked about a patient: the findings, as declared in YAML, for every part of the program."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from facts.declaring.declared import Before, Limits, Name, declared
from facts.declaring.declared_quantities import Derivation, Reference
from facts.declaring.declared_units import UnitOfSystem
from facts.finding_names import Names, index_names
from facts.problems import CharleyError, Place, Problem, did_you_mean
from facts.quantities import Interval

Value: TypeAlias = bool | float | str | Interval
"""What a finding can be worth: yes or no, a quantity in the finding's own unit (or where it lies), or one of its choices."""


@declared
class Code:
    """A code of a terminology with the name it goes by there; `unchecked` when nobody has compared the two."""

    code: str
    display: str = ""
    unchecked: bool = False


def _listed(written: object) -> object:
    entries = written if isinstance(written, list) else [written]
    return [{"code": entry} if isinstance(entry, str | int | float) else entry for entry in entries]


Codes: TypeAlias = dict[str, Annotated[list[Code], Before(_listed)]]
"""Codes by terminology; a single one may be written without a list, and one without a display name as plain text."""


Lasting: TypeAlias = Annotated[str, Limits(pattern=r"^(always|[1-9]\d{0,3} (day|week|month|year)s?)$")]
"""How long something stays true after it was found, as people write it."""
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}


def lasting_days(lasting: str) -> int | None:
    """Return a lasting time in days; None for `always`."""
    number, _, unit = lasting.partition(" ")
    return int(number) * _DAYS[unit.removesuffix("s")] if unit else None


@declared
class _Finding:
    id: Name
    group: str
    label: str
    synonyms: list[Annotated[str, Limits(min_length=1)]] = field(default_factory=list)
    """Other words that clinicians and lay people search for it by; the same word may lead to several findings."""
    question: str
    help: str = ""
    codes: Codes = field(default_factory=dict)
    answer_codes: dict[str, Codes] = field(default_factory=dict)
    """Codes that stand for an answer ("yes", "no", or a choice): the finding itself, or what a coded question was answered."""
    requires: Name | None = None
    """A yes/no finding without which this one means nothing: a value here implies it."""
    lasts: Lasting | None = None
    """For how long what a record says of it counts ("3 days"), or `always`; that of its file where it has none of its own."""
    panels: Codes = field(default_factory=dict)
    """Codes of observations that hold this one as a component, for those who search a record by code."""

    @property
    def lasts_days(self) -> int | None:
        """How many days what a record says of it counts; None for ever."""
        return None if self.lasts is None else lasting_days(self.lasts)


@declared
class YesNoFinding(_Finding):
    """A finding that is present or absent, with the clause for each."""

    kind: Literal["yes_no"]
    present: str
    absent: str


@declared
class QuantityFinding(_Finding):
    """A measured finding. Numbers in conditions and cases are in `unit`; `accepts` are other units that are converted."""

    kind: Literal["quantity"]
    unit: str
    accepts: list[str] = field(default_factory=list)
    molar_mass: Annotated[float, Limits(gt=0)] | None = None
    """g/mol; what turns mg/dL into mmol/L."""
    valence: Annotated[int, Limits(gt=0)] | None = None
    """Charges per ion; what turns mEq/L into mmol/L."""
    range: Annotated[list[float], Limits(min_length=2, max_length=2)]
    """The plausible values, ends included; anything outside is taken for a slip."""
    systems: dict[Literal["SI", "conventional"], UnitOfSystem] = field(default_factory=dict)
    """The unit of a bare number in a file that declares this system, where it is not the finding's own."""
    reduction: Literal["latest", "lowest", "highest"] = "latest"
    """Which of several readings counts: the latest, or the lowest or highest within 24 hours of the latest."""
    reference: Reference | None = None
    """What "low", "normal" and "high" mean; without it those words are refused."""
    derived: Derivation | None = None
    """How it is computed where it is not given itself."""

    def __post_init__(self) -> None:
        if self.range[0] >= self.range[1]:
            raise ValueError("the range must run from a lower to a higher number")
        for system, other in self.systems.items():
            if other.unit not in self.accepts:
                raise ValueError(f"the {system} unit {other.unit} must be among those that the finding accepts")


@declared
class ChoiceFinding(_Finding):
    """A finding that is one of several named values, each with its clause."""

    kind: Literal["choice"]
    choices: Annotated[dict[Name, str], Limits(min_length=2)]


Finding: TypeAlias = Annotated[YesNoFinding | QuantityFinding | ChoiceFinding, Limits(discriminator="kind")]


@declared
class _FindingFile:
    group: Name
    label: str
    lasts: Lasting | None = None
    """For how long what a record says of these findings counts, where one has no time of its own."""
    findings: dict[Name, Finding]


@dataclass(frozen=True)
class Vocabulary:
    """Every finding by id, in the order of declaration, with the heading of each group and where each was declared."""

    findings: Mapping[str, Finding]
    groups: Mapping[str, str]
    places: Mapping[str, Place]

    @cached_property
    def derived(self) -> tuple[QuantityFinding, ...]:
        """The findings that are computed from others where they are not given."""
        quantities = (finding for finding in self.findings.values() if isinstance(finding, QuantityFinding))
        return tuple(finding for finding in quantities if finding.derived is not None)

    @cached_property
    def names(self) -> Names:
        """The names that the findings go by, for searching."""
        questions = {name: finding.question for name, finding in self.findings.items()}
        return index_names({name: _names_of(finding) for name, finding in self.findings.items()}, questions)

    @cached_property
    def children(self) -> Mapping[str, tuple[str, ...]]:
        """The findings that require each finding, where there are any, in the order of declaration."""
        found: dict[str, list[str]] = {}
        for name, finding in self.findings.items():
            if finding.requires is not None:
                found.setdefault(finding.requires, []).append(name)
        return {name: tuple(children) for name, children in found.items()}


def _names_of(finding: Finding) -> Iterator[str]:
    yield from (finding.id, finding.label, *finding.synonyms)
    for of in (finding.codes, finding.panels, *finding.answer_codes.values()):
        for codes in of.values():
            for code in codes:
                yield from (code.code, code.display)


def load_vocabulary(folder: Path, shown: str) -> Vocabulary:
    """Load every YAML file of a findings folder, which messages call `shown`. Raises CharleyError with all problems."""
    findings: dict[str, Finding] = {}
    groups: dict[str, str] = {}
    places: dict[str, Place] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            file = _read_file(path, f"{shown}/{path.name}", places, problems)
        except CharleyError as error:
            problems.extend(error.problems)
            continue
        groups[file.group] = file.label
        for name, finding in file.findings.items():
            findings.setdefault(name, finding)
    problems.extend(_wrong_requirements(findings, places))
    problems.extend(_wrong_answers(findings, places))
    problems.extend(_wrong_references(findings, places))
    problems.extend(_wrong_derivations(findings, places))
    if not findings and not problems:
        problems.append(Problem(Place(shown), "no findings are declared here", "add a YAML file of findings"))
    if problems:
        raise CharleyError(sorted(problems))
    return Vocabulary(findings, groups, places)


def _read_file(path: Path, shown: str, places: dict[str, Place], problems: list[Problem]) -> _FindingFile:
    from facts.declaring.schema_reading import read_knowledge_file, validate

    document = read_knowledge_file(path, shown)
    value = document.value
    if isinstance(value, dict) and isinstance(value.get("findings"), dict):
        for name, entry in value["findings"].items():
            place = document.place(("findings", name), of_key=True)
            if name in places:
                message = f"the finding {name} is declared twice (first at {places[name]})"
                problems.append(Problem(place, message, "give one of them another id"))
            places.setdefault(name, place)
            if isinstance(entry, dict):
                entry.update(id=name, group=value.get("group", ""))
                if value.get("lasts") is not None:
                    entry.setdefault("lasts", value["lasts"])
    return validate(_FindingFile, document)


def _wrong_requirements(findings: Mapping[str, Finding], places: Mapping[str, Place]) -> Iterator[Problem]:
    for name in findings:
        chain = [name]
        while (needed := findings[chain[-1]].requires) is not None:
            if needed not in findings:
                yield Problem(places[name], f"{name} requires {needed}, which is not declared", did_you_mean(needed, findings))
                break
            if findings[needed].kind != "yes_no":
                yield Problem(places[name], f"{name} requires {needed}, which is not a yes/no finding", "require one that is")
                break
            if needed in chain:
                yield Problem(places[name], f"{name} requires itself: {' → '.join([*chain, needed])}", "break the circle")
                break
            chain.append(needed)


_ANSWERS = {"yes_no": ("yes", "no"), "quantity": ("low", "normal", "high")}


def _wrong_answers(findings: Mapping[str, Finding], places: Mapping[str, Place]) -> Iterator[Problem]:
    for name, finding in findings.items():
        known = finding.choices if isinstance(finding, ChoiceFinding) else _ANSWERS[finding.kind]
        for answer in finding.answer_codes:
            if answer not in known:
                expected = did_you_mean(answer, known) or f"use {', '.join(known)}"
                yield Problem(places[name], f"{name}: {answer} is not an answer to it", expected)


def _wrong_references(findings: Mapping[str, Finding], places: Mapping[str, Place]) -> Iterator[Problem]:
    for name, finding in findings.items():
        if not isinstance(finding, QuantityFinding) or finding.reference is None:
            continue
        low, high = finding.range
        for interval in finding.reference.intervals:
            for limit in (interval.low, interval.high):
                if limit is not None and not low < limit < high:
                    message = f"{name}: the reference limit {limit:g} is not inside the plausible range {low:g} to {high:g}"
                    yield Problem(places[name], message, "correct one of them")
            for other, wanted in interval.where.items():
                if (wrong := _wrong_condition(findings.get(other), wanted)) is not None:
                    message = f"{name}: the reference interval is for {other}, {wrong}"
                    fix = did_you_mean(other, findings) or "name a choice of a finding, or a quantity with two numbers"
                    yield Problem(places[name], message, fix)


def _wrong_condition(finding: Finding | None, wanted: str | list[float]) -> str | None:
    if finding is None:
        return "which is not declared"
    if isinstance(wanted, str):
        return None if isinstance(finding, ChoiceFinding) and wanted in finding.choices else f"which has no choice {wanted}"
    return None if isinstance(finding, QuantityFinding) and wanted[0] < wanted[1] else "which is not between these numbers"


def _wrong_derivations(findings: Mapping[str, Finding], places: Mapping[str, Place]) -> Iterator[Problem]:
    for name, finding in findings.items():
        derived = finding.derived if isinstance(finding, QuantityFinding) else None
        for other in derived.inputs if derived else ():
            known = findings.get(other)
            if not isinstance(known, QuantityFinding):
                fix = did_you_mean(other, findings) or "name a quantity"
                yield Problem(places[name], f"{name} is derived from {other}, which is not a quantity", fix)
            elif known.derived is not None or other == name:
                message = f"{name} is derived from {other}, which is derived itself"
                yield Problem(places[name], message, "derive it from what is measured")
            elif derived and other in derived.product and known.range[0] < 0:
                yield Problem(places[name], f"{name} is a product with {other}, which can be below 0", "use `terms`")
            elif derived and derived.product.get(other) == -1 and known.range[0] <= 0:
                message = f"{name} is divided by {other}, which can be 0"
                yield Problem(places[name], message, "let its plausible range begin above 0")
