"""What was concluded about one case, as plain frozen data: derived facts, for reports, tables and other programs.

Every field that names a rule, a finding, a cause or a source holds its id; sentences are for people. The JSON that is written
of it, and its JSON Schema, are made of these classes by pydantic (`reports.json_report`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from facts.case import Record, UnrecognizedText
from facts.vocabulary import Value

Answer: TypeAlias = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class FindingUsed:
    """A known finding: its value in the finding's own unit, its clause, and what was written in another unit or as a word.

    The value of a number that is known in part is an object with both ends and whether they are included; an end of which
    nothing is known is that of what is plausible.
    """

    id: str
    value: Value
    says: str
    unit: str | None = None
    given: str | None = None
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class DefinitionUsed:
    """A definition on the way from findings to an argument, with the clause for what it was worth."""

    id: str
    value: bool
    says: str


@dataclass(frozen=True, slots=True)
class Argument:
    """A rule that fired, with everything it rests on. `source` holds keys of the assessment's evidence, joined by "; "."""

    rule: str
    kind: str
    because: str
    findings: tuple[FindingUsed, ...]
    definitions: tuple[DefinitionUsed, ...]
    source: str
    strength: str | None = None
    level: str | None = None


@dataclass(frozen=True, slots=True)
class WarningSignFound:
    """A warning sign that holds: the level it demands here, the strongest reason and its source, and every argument."""

    id: str
    label: str
    level: str
    because: str
    source: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class OpenWarning:
    """A rule of a warning sign that may still fire and would raise the urgency, and the unknown findings that decide it."""

    warning_sign: str
    rule: str
    level: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenFindings:
    """The unknown findings that could still raise the urgency, by what it takes to know them; `medicines` are the lists."""

    history: tuple[str, ...] = ()
    examination: tuple[str, ...] = ()
    test: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Urgency:
    """The verdict. `level` is what the known findings require, `ceiling` what no finding, asked or not, rules out.

    It is `decided` when history and examination can no longer show a pertinent danger above the level: one that everybody is
    screened for, or that something known makes one look for. Such dangers could raise it to `could_rise_to` (None: none is
    open); `awaiting` are the next steps whose tests could still do so. `not_known` was asked, and nobody knew.
    `verified_level` is what verified findings alone require, where an unverified one requires more.
    """

    level: str
    ceiling: str
    decided: bool
    could_rise_to: str | None
    open: OpenFindings
    not_known: tuple[str, ...]
    awaiting: tuple[str, ...]
    because: tuple[str, ...]
    could_rise: tuple[OpenWarning, ...]
    verified_level: str | None = None


@dataclass(frozen=True, slots=True)
class CauseAssessed:
    """A cause with its standing, every standing it may still take, and the unknown findings that could change an argument."""

    # Read by pydantic where an assessment becomes JSON: `for` is a word of Python's.
    __pydantic_config__: ClassVar[dict[str, Any]] = {"alias_generator": lambda name: name.removeprefix("arguments_")}

    id: str
    label: str
    category: str
    standing: str
    could_be: tuple[str, ...]
    arguments_for: tuple[Argument, ...]
    arguments_against: tuple[Argument, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Complaint:
    """Whether what is told fits the complaint that the knowledge base is about, why, and what it resembles."""

    label: str
    fits: Answer
    findings: tuple[FindingUsed, ...]
    missing: tuple[str, ...]
    resembles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepAdvised:
    """A next step of the plan, in its order. `done` when everything it would tell is known already.

    `do_now` are the few that stand at the top; `includes` are the ids of tests that became one line with it.
    """

    id: str
    kind: str
    do: str
    because: str
    findings: tuple[FindingUsed, ...]
    source: str
    level: str | None
    answers: tuple[str, ...]
    done: bool
    do_now: bool = False
    includes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepSetAside:
    """A next step whose rule fired and that is not in the plan.

    `reason`: a `hazard` here, or `later` than what matters beside the danger, or `said_better` by another step, or
    `measured_together` with another test, or one of `too_many` for a plan.
    """

    id: str
    do: str
    reason: str


@dataclass(frozen=True, slots=True)
class MissingFinding:
    """A finding that is pertinent: it could raise the urgency (to this level at most) or change a cause in question.

    It is unknown, or a number that is known in part, which is then said in the question. The medicine lists stand for all
    findings that they decide, with the id `medicines`.
    """

    id: str
    question: str
    urgency: str | None
    causes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnverifiedReading:
    """What a record says of a finding and nobody vouches for, why nobody does, and the warnings that it alone sets off.

    It never makes anything false, excluded or less urgent. `warns` holds ids of rules.
    """

    finding: FindingUsed
    reason: str
    warns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EvidenceCited:
    """A source that an argument here cites. `checked` is False for general knowledge, inference and machine-written text."""

    id: str
    citation: str
    kind: str
    checked: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A finding that would be other than it is, or would be answered: the clause for that, and the value that was recorded."""

    finding: str
    says: str
    recorded: str | None


@dataclass(frozen=True, slots=True)
class WayToChange:
    """Changes that together have a result (a level of urgency or a cause, None for no cause) that fewer would not have."""

    changes: tuple[Change, ...]
    result: str | None


@dataclass(frozen=True, slots=True)
class WhatWouldChange:
    """The smallest sets of changes after which the urgency or the leading cause would be another one.

    The first two change what is known, the last answers what is unknown. `cut` names those lists that hold only some of the
    smallest sets, or where the search was given up. `missing_because` says why nothing was searched, where nothing was.
    """

    lower_urgency: tuple[WayToChange, ...] = ()
    other_leading_cause: tuple[WayToChange, ...] = ()
    raise_urgency: tuple[WayToChange, ...] = ()
    leading_cause: str | None = None
    cut: tuple[str, ...] = ()
    missing_because: str | None = None


@dataclass(frozen=True, slots=True)
class KnowledgeUsed:
    """The knowledge base behind an assessment."""

    title: str
    version: str
    hash: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything concluded about one case, complete: each conclusion carries its whole argument."""

    case: str
    knowledge_base: KnowledgeUsed
    complaint: Complaint | None
    urgency: Urgency
    warning_signs: tuple[WarningSignFound, ...]
    causes: tuple[CauseAssessed, ...]
    next_steps: tuple[StepAdvised, ...]
    steps_set_aside: tuple[StepSetAside, ...]
    missing: tuple[MissingFinding, ...]
    unrecognized: tuple[UnrecognizedText, ...]
    findings: tuple[FindingUsed, ...]
    evidence: tuple[EvidenceCited, ...]
    what_would_change: WhatWouldChange | None = None
    record: Record | None = None
    unverified: tuple[UnverifiedReading, ...] = ()

    def by_what_matters(self, names: Iterable[str]) -> list[str]:
        """Return findings in the order in which `missing` lists them; those that could change nothing come last."""
        places = {entry.id: place for place, entry in enumerate(self.missing)}
        return sorted(names, key=lambda name: places.get(name, len(places)))
