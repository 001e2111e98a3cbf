"""A knowledge base ready to reason with: frozen data whose conditions are trees; made by `loading`, read by everything else."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias

from facts.medicines import MedicineDictionary
from facts.problems import Place
from facts.vocabulary import Codes, Vocabulary
from knowledge_base.conditions.expression import Expression
from knowledge_base.declarations import (
    CertificateFile,
    Complaint,
    Indicator,
    Level,
    Priority,
    ServiceEntry,
    Source,
    StepKind,
    Strength,
)
from knowledge_base.grading import Grading, Tally
from knowledge_base.interview import Interview
from knowledge_base.invariants import Invariants
from knowledge_base.leaflet import Leaflet
from knowledge_base.ranking import Ranking, rank_causes

ArgumentKind: TypeAlias = Literal["confirms", "supports", "opposes", "excludes"]
RuleKind: TypeAlias = ArgumentKind | Literal["warns", "downgrades", "advises"]

ANY_WARNING_SIGN = "any_warning_sign"
"""The name that stands, in arguments and next steps, for any of the warning signs."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A named concept: true, false or unknown for every case, with the clause for true and for false."""

    id: str
    label: str
    condition: Expression
    text: str
    says: tuple[str, str]
    sources: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Rule:
    """One argument, warning, downgrade of a warning or piece of advice: it fires when its condition is true.

    `target` is the cause or warning sign that it is about, the warning rule that a downgrade answers, or the step.
    """

    id: str
    kind: RuleKind
    target: str
    condition: Expression
    text: str
    because: str
    sources: tuple[str, ...]
    place: Place
    strength: Strength | None = None
    level: str | None = None
    """What a warning demands, what a downgrade lowers it to, how soon a step must be done."""
    look_for: Expression | None = None
    """What must be known before anybody would look for this warning; None where everybody is screened for it."""

    @property
    def counts_as(self) -> str:
        """The field of a Tally that an argument adds to."""
        return self.kind if self.strength is None else f"{self.kind}_{self.strength}"


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause and its arguments, in the order of declaration."""

    id: str
    label: str
    category: str
    codes: Codes
    about: str
    rules: tuple[Rule, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class WarningSign:
    """A warning sign; every rule of it demands at least the sign's own level, unless one of its downgrades holds."""

    id: str
    label: str
    level: str
    rules: tuple[Rule, ...]
    place: Place
    downgrades: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class NextStep:
    """Something to do, and the rule that asks for it."""

    id: str
    kind: StepKind
    do: str
    rule: Rule
    level: str
    answers: tuple[str, ...]
    codes: Codes
    order: int
    unless: Expression | None = None
    first: bool = False
    fallback: bool = False
    measure: Mapping[str, str | None] = field(default_factory=dict)
    topics: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Topic:
    """Something that steps could say contrary things about, and the directions of which no patient is told two."""

    id: str
    label: str
    directions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlanShape:
    """How the steps that apply become a short plan; see `schema.PlanFile`.

    A knowledge base that has not `declared` its plan promises nothing of it.
    """

    declared: bool = False
    at_top: int = 3
    measuring: str = "{which}"
    most_steps: Mapping[str, int] = field(default_factory=dict)
    soonest: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[StepKind, int] = field(default_factory=dict)
    topics: Mapping[str, Topic] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContradictionRule:
    """Answers that no patient can have together."""

    id: str
    condition: Expression
    because: str
    place: Place


@dataclass(frozen=True, slots=True)
class ComplaintShown:
    """What shows in a record that the patient has the complaint: a condition, codes, or phrases without some words beside."""

    condition: Expression | None
    codes: Codes
    phrases: tuple[str, ...]
    not_with: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OrderAdvice:
    """What to say of draft orders that meet the complaint; its rule is judged on what they alone would make true."""

    summary: str
    indicator: Indicator
    rule: Rule


@dataclass(frozen=True, slots=True)
class DecisionSupport:
    """What clinical systems are told through CDS Hooks; `indicators` and `priorities` are by level of urgency."""

    services: Mapping[str, ServiceEntry]
    complaint: ComplaintShown
    readings_within_days: int | None
    indicators: Mapping[str, Indicator]
    priorities: Mapping[str, Priority]
    orders: Mapping[str, OrderAdvice]
    override_reasons: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class KnowledgeBase:
    """Everything that medicine says here. `conditions` are all definitions and conclusions, each after what it names.

    It equals itself alone, so that what is made of it can be kept by it.
    """

    title: str
    version: str
    hash: str
    complaint: Complaint | None
    resemblances: tuple[str, ...]
    vocabulary: Vocabulary
    dictionary: MedicineDictionary
    levels: Mapping[str, Level]
    grading: Grading
    evidence: Mapping[str, Source]
    categories: Mapping[str, str]
    definitions: Mapping[str, Definition]
    causes: Mapping[str, Cause]
    warning_signs: Mapping[str, WarningSign]
    next_steps: Mapping[str, NextStep]
    plan: PlanShape
    contradictions: Mapping[str, ContradictionRule]
    conditions: Mapping[str, Expression]
    interview: Interview
    strata: Mapping[str, tuple[float, ...]]
    decision_support: DecisionSupport | None
    leaflet: Leaflet | None
    outline: Mapping[str, str]
    """The finding that tells of each part of the body outline."""
    invariants: Invariants
    certificate: CertificateFile | None
    files: tuple[str, ...] = ()

    @cached_property
    def rules(self) -> Mapping[str, Rule]:
        """Every rule by id: warning signs first, then their downgrades, causes and next steps."""
        groups = (
            *(sign.rules for sign in self.warning_signs.values()),
            *(sign.downgrades for sign in self.warning_signs.values()),
            *(cause.rules for cause in self.causes.values()),
            tuple(step.rule for step in self.next_steps.values()),
        )
        return {rule.id: rule for group in groups for rule in group}

    @cached_property
    def downgrades(self) -> Mapping[str, tuple[Rule, ...]]:
        """The downgrades of every warning rule that has some, by the rule's id."""
        by_rule: dict[str, tuple[Rule, ...]] = {}
        for sign in self.warning_signs.values():
            for rule in sign.downgrades:
                by_rule[rule.target] = (*by_rule.get(rule.target, ()), rule)
        return by_rule

    def rank_demanded(self, rule: Rule, holds: Callable[[Rule], bool]) -> int:
        """Return the rank of the level that a warning rule demands where it fires, less the downgrades that hold."""
        ranks = [self.level_rank[entry.level or ""] for entry in self.downgrades.get(rule.id, ()) if holds(entry)]
        return min([self.level_rank[rule.level or ""], *ranks])

    @cached_property
    def level_rank(self) -> Mapping[str, int]:
        """The place of every level of urgency, 0 for the lowest."""
        return {level: rank for rank, level in enumerate(self.levels)}

    @cached_property
    def ranking(self) -> Ranking:
        """The order in which causes are listed."""
        return rank_causes(self.grading, {name: tally(cause.rules) for name, cause in self.causes.items()})


def tally(rules: Iterable[Rule]) -> Tally:
    """Count the arguments of one cause by kind and strength."""
    counts = dict.fromkeys(Tally._fields, 0)
    for rule in rules:
        counts[rule.counts_as] += 1
    return Tally(**counts)
