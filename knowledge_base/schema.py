"""The shape of knowledge as it is written in YAML, before its conditions are read (docs/writing-knowledge.md).

Longer than other modules: declarations alone, one class for each thing that can be written.
"""

from dataclasses import field
from typing import Annotated, Literal, TypeAlias

from facts.declaring.declared import Limits, Name, declared
from facts.vocabulary import Codes
from knowledge_base.declarations import (
    AskedBy,
    Complaint,
    Indicator,
    LeafletVerdict,
    Level,
    Priority,
    RuleId,
    Sentence,
    ServiceEntry,
    Source,
    StepKind,
    Strength,
)

Sources: TypeAlias = Annotated[str, Limits(min_length=1)] | Annotated[list[str], Limits(min_length=1)]
BodyPart: TypeAlias = Literal["jaw_and_neck", "torso", "arm", "hand", "thigh", "calf", "foot"]
"""A part of the body outline that reports draw."""


@declared
class Manifest:
    """knowledge.yaml: what this knowledge base is."""

    title: str
    version: str
    complaint: Complaint | None = None
    categories: list[Name]
    resemblances: list[Name] = field(default_factory=list)
    """Categories whose causes are what a complaint that does not fit may be instead."""
    strata: dict[Name, list[float]] = field(default_factory=dict)
    """The findings by which a cohort report is split: choices as they are, quantities at these numbers."""
    outline: dict[BodyPart | Literal["everywhere"], Name] = field(default_factory=dict)
    """The finding that tells of each part of the body in the outline that reports draw."""
    retired: list[RuleId] = field(default_factory=list)
    """Rule ids that were used once and never will be again."""


@declared
class LevelFile:
    """urgency.yaml: the levels, lowest first; the lowest holds where no warning sign does."""

    levels: Annotated[dict[Name, Level], Limits(min_length=1)]


@declared
class Grade:
    """A standing and when a cause has it, by the number of its arguments that fired."""

    standing: Name
    when: str


@declared
class GradingFile:
    """grading.yaml: how arguments add up. The first grade that is true counts."""

    standings: dict[Name, str]
    """Every standing with its label, in the order in which causes are listed."""
    grades: list[Grade]
    otherwise: Name
    likely: Name
    """The lowest standing of a cause that counts as an answer to the complaint."""
    considered: Name
    """The lowest standing of a cause that counts as considered at all."""


@declared
class EvidenceFile:
    """evidence.yaml."""

    evidence: dict[Name, Source]


@declared
class DefinitionEntry:
    """A named intermediate concept."""

    label: str
    when: str
    says: Annotated[list[Sentence], Limits(min_length=2, max_length=2)]
    """The clause when it holds, and the clause when it does not."""
    source: Sources | None = None


@declared
class DefinitionFile:
    """definitions.yaml: what several categories share."""

    definitions: dict[Name, DefinitionEntry]


@declared
class ArgumentEntry:
    """An argument that decides by itself: confirms or excludes."""

    when: str
    because: Sentence
    source: Sources


@declared
class WeighedArgumentEntry(ArgumentEntry):
    """An argument that counts by its strength: supports or opposes."""

    strength: Strength


@declared
class CauseEntry:
    """A cause with its arguments for and against."""

    label: str
    codes: Codes = field(default_factory=dict)
    about: str = ""
    confirms: dict[RuleId, ArgumentEntry] = field(default_factory=dict)
    supports: dict[RuleId, WeighedArgumentEntry] = field(default_factory=dict)
    opposes: dict[RuleId, WeighedArgumentEntry] = field(default_factory=dict)
    excludes: dict[RuleId, ArgumentEntry] = field(default_factory=dict)


@declared
class CauseFile:
    """causes/<category>.yaml."""

    category: Name
    label: str
    definitions: dict[Name, DefinitionEntry] = field(default_factory=dict)
    causes: dict[Name, CauseEntry]


@declared
class DowngradeEntry(ArgumentEntry):
    """What answers the concern of a warning rule: where it holds, that rule demands only the level `to`."""

    to: Name


@declared
class WarningRuleEntry(ArgumentEntry):
    """A way in which a warning sign shows; `level` where this one demands more than the sign itself.

    `look_for` says what must be known of a patient before anybody would look for it, and stands for that of the sign;
    without either, everybody is screened for it.
    """

    level: Name | None = None
    look_for: str | None = None
    downgrades: dict[RuleId, DowngradeEntry] = field(default_factory=dict)


@declared
class WarningSignEntry:
    """A warning sign and the least urgency it demands."""

    label: str
    level: Name
    look_for: str | None = None
    """What must be known before anybody would look for this sign; everybody is screened for a sign without it."""
    rules: Annotated[dict[RuleId, WarningRuleEntry], Limits(min_length=1)]


@declared
class WarningSignFile:
    """warning_signs.yaml."""

    warning_signs: dict[Name, WarningSignEntry]


@declared
class NextStepEntry(ArgumentEntry):
    """Something to do. A step that `answers` findings is done when all of them are known."""

    kind: StepKind
    do: Sentence
    level: Name | None = None
    """How soon it must be done; the lowest level where nothing is said."""
    answers: list[Name] = field(default_factory=list)
    codes: Codes = field(default_factory=dict)
    unless: str | None = None
    """The step is set aside where this is known to hold: it is a hazard then, or does not matter."""
    first: bool = False
    """What saves a life or a limb in the meantime, and so comes before the call for help."""
    fallback: bool = False
    """Not said beside another step of the same kind and level."""
    order: Annotated[int, Limits(ge=0, le=9)] | None = None
    """Its place among the steps of one level, 0 first; where nothing is said, that of its kind (plan.yaml)."""
    measure: dict[Sentence, Name | None] = field(default_factory=dict)
    """What a test measures, each with the finding that it tells (if one does), so that several tests become one line."""
    topics: dict[Name, Name] = field(default_factory=dict)
    """The topics of plan.yaml that it speaks of, each with its direction."""


@declared
class NextStepFile:
    """next_steps/<group>.yaml."""

    next_steps: dict[RuleId, NextStepEntry]


@declared
class TopicEntry:
    """Something that steps could say contrary things about: its directions, of which no patient is told two."""

    label: str
    directions: Annotated[list[Name], Limits(min_length=2)]


@declared
class PlanFile:
    """plan.yaml: how the steps that apply become a short plan."""

    at_top: Annotated[int, Limits(ge=1)] = 3
    """Steps that stand first, as what to do now."""
    measuring: Sentence = "{which}"
    """The sentence for tests that become one line; {which} stands for what is measured."""
    most_steps: dict[Name, Annotated[int, Limits(ge=1)]] = field(default_factory=dict)
    """By the patient's level of urgency: how many steps a plan has; what must not be left out is never cut."""
    soonest: dict[Name, Name] = field(default_factory=dict)
    """By the patient's level of urgency: the lowest level of a step that still matters beside it."""
    kinds: dict[StepKind, Annotated[int, Limits(ge=0, le=9)]] = field(default_factory=dict)
    """The place of each kind of step among those of one level, 0 first."""
    topics: dict[Name, TopicEntry] = field(default_factory=dict)


@declared
class ContradictionEntry:
    """Answers that no patient can have together."""

    when: str
    because: Sentence


@declared
class ContradictionFile:
    """contradictions.yaml."""

    contradictions: dict[RuleId, ContradictionEntry]


@declared
class ScreenEntry:
    """Questions that share a lead-in; or the screen that asks for the medicine lists, or for the results that are available."""

    label: str
    lead_in: Sentence
    by: AskedBy
    ask: list[Name] = field(default_factory=list)
    each: list[Name] = field(default_factory=list)
    """Those of `ask` that are not absent because nobody named them: what has to be tried, or what is good to have."""
    medicines: bool = False
    results: bool = False
    """Whether it asks for any result of a test by name; where there is none, no test is asked for later."""
    anything: bool = False
    """Whether it takes any finding by name: what else the patient tells, or was noticed."""
    in_full: bool = False
    """Whether the screen is asked as a whole and once, whatever its answers could change: the story, as it is told."""
    rows: dict[Name, Sentence] = field(default_factory=dict)
    """What is said before a question of `ask` when it begins a new line of the screen ("Where")."""
    short: dict[Name, Sentence] = field(default_factory=dict)
    """What a question is called under what its line says ("calf" under "Where")."""


@declared
class InterviewFile:
    """interview.yaml: what a consultation asks together, and which screens come first."""

    opening: list[Name | list[Name]]
    """The screens that come first, in turn; those of a list stand on one page."""
    screens: dict[Name, ScreenEntry]
    most_questions: Annotated[int, Limits(ge=1)] | None = None
    """Questions that stand on one page after the opening; None for all that are worth asking."""
    written_together: dict[Name, Name] = field(default_factory=dict)
    """Numbers that another is written behind, with a slash between them (148/86), or a choice (67f)."""
    always: list[Name] = field(default_factory=list)
    """Findings that everybody is asked for, since what anybody would look for depends on them."""
    with_medicines: list[Name] = field(default_factory=list)
    """Signs that are absent in whoever takes no medicine and stopped none, as both lists say."""
    only_if: dict[Name, str] = field(default_factory=dict)
    """Findings that are asked for only where this is not known to be false ("how much fluid?" where none is lost)."""


@declared
class ComplaintShownEntry:
    """What shows in a record that the patient has the complaint; no card appears for anybody else."""

    when: str | None = None
    codes: Codes = field(default_factory=dict)
    phrases: list[Sentence] = field(default_factory=list)
    not_with: list[Sentence] = field(default_factory=list)


@declared
class OrderEntry(ArgumentEntry):
    """A draft order that meets the complaint; `when` is judged on what the draft orders alone would make true."""

    summary: Annotated[str, Limits(min_length=1, max_length=139)]
    indicator: Indicator


@declared
class DecisionSupportFile:
    """cds_hooks.yaml: what clinical systems are told through CDS Hooks."""

    services: dict[RuleId, ServiceEntry]
    complaint: ComplaintShownEntry
    readings_within_days: Annotated[int, Limits(gt=0)] | None = None
    indicators: dict[Name, Indicator]
    """By level of urgency."""
    priorities: dict[Name, Priority]
    """By level of urgency: of the tests that are suggested."""
    orders: dict[RuleId, OrderEntry] = field(default_factory=dict)
    override_reasons: dict[RuleId, Sentence] = field(default_factory=dict)


@declared
class InvariantEntry:
    """Something that holds of every patient for whom `when` is true and `unless` is not; without `when`, of every patient."""

    says: Sentence
    when: str | None = None
    unless: str | None = None
    at_least: Name | None = None
    """The least urgency."""
    always: str | None = None
    never: str | None = None
    standing: dict[Name, list[Name]] = field(default_factory=dict)
    """Causes, and the standings of which each has one."""
    not_standing: dict[Name, list[Name]] = field(default_factory=dict)
    advises: list[RuleId] = field(default_factory=list)
    asks: dict[Name, list[Name]] = field(default_factory=dict)
    """Findings that an interview comes to ask for, by the level of urgency from which on they are not asked any more."""
    source: Sources | None = None

    def __post_init__(self) -> None:
        demands = (self.at_least, self.always, self.never, self.standing, self.not_standing, self.advises, self.asks)
        if not any(demands):
            raise ValueError("say what holds: at_least, always, never, standing, not_standing, advises or asks")


@declared
class GuardEntry:
    """A hazard: where `when` is known to hold, no step is shown that speaks of a topic in this direction."""

    says: Sentence
    when: str
    never: dict[Name, Name]
    """Topics of plan.yaml, each with the direction that would harm."""
    source: Sources | None = None


@declared
class InvariantFile:
    """invariants.yaml: what is proved of every possible patient."""

    invariants: dict[RuleId, InvariantEntry] = field(default_factory=dict)
    exclusive: dict[RuleId, Annotated[list[str], Limits(min_length=2)]] = field(default_factory=dict)
    """Conditions of which no patient has two."""
    bands: dict[Name, Annotated[list[str], Limits(min_length=2)]] = field(default_factory=dict)
    """Conditions of which every known value of a finding has exactly one."""
    worse: dict[Name, Literal["higher", "lower"] | list[Name]] = field(default_factory=dict)
    """Findings that never lower the urgency by getting worse, and which way that is."""
    worse_unless: dict[Name, str] = field(default_factory=dict)
    """Where that is not so of a finding, because its worse value answers a concern."""
    guards: dict[RuleId, GuardEntry] = field(default_factory=dict)
    """What no patient is told where it would harm."""
    accepted: dict[
        Literal["dead", "duplicate", "redundant", "shadowed", "conflict", "gap", "screened", "first_action"],
        dict[str, Sentence],
    ] = field(default_factory=dict)
    """What a proof finds and is meant, by its property and subject, with the reason."""


@declared
class LeafletSteps:
    """What patients are told of some next steps, once for all of them."""

    says: Sentence
    steps: Annotated[list[RuleId], Limits(min_length=1)]


@declared
class LeafletHelp:
    """When patients call for help at once: always, and with some causes."""

    says: Sentence
    always: Annotated[list[Sentence], Limits(min_length=1)]
    clinician: str = ""
    """The same in short, for the clinician's page."""
    said_by: list[RuleId] = field(default_factory=list)
    """Next steps that say it already."""
    causes: dict[Name, Sentence] = field(default_factory=dict)


@declared
class LeafletFile:
    """leaflet.yaml: what patients are told, in plain words; `mark` says who has checked them."""

    mark: Sentence
    title: Sentence
    verdicts: dict[Name, LeafletVerdict]
    awaiting: Sentence
    standings: dict[Name, Sentence]
    """What stands before a cause of this standing; causes of other standings are not told."""
    no_cause: Sentence
    meanwhile: dict[Name, list[Sentence]] = field(default_factory=dict)
    help: LeafletHelp
    causes: dict[Name, Sentence]
    warning_signs: dict[Name, Sentence]
    you: list[LeafletSteps] = field(default_factory=list)
    doctor: list[LeafletSteps] = field(default_factory=list)
    not_told: list[RuleId] = field(default_factory=list)
