"""An assessment on one page: what a consultant would sign and a reader takes in within a minute.

The verdict and whether it is decided, the leading causes with their best reasons, what to do now and then, and what was not
asked and matters. The whole argument is one step away, in `view`.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from facts.assessment import Argument, Assessment, CauseAssessed, StepAdvised
from knowledge_base.model import KnowledgeBase
from reports.cleaning import clean

STATEMENT = (
    "Charley supports a clinician's judgment and does not replace it. It knows only what it was told: "
    "what was not asked is unknown, and no conclusion here rests on an answer that was not given."
)
State: TypeAlias = Literal["decided", "awaiting", "open"]
_REASONS = 2
_CAUSES = 3
_ARGUMENTS_FOR = 3
_ARGUMENTS_AGAINST = 2
_ASKED_FIRST = 6
_NOT_ASKED = 5


@dataclass(frozen=True, slots=True)
class CauseOnPage:
    """A leading cause with its best reasons for it and against it."""

    label: str
    standing: str
    standing_label: str
    reasons: tuple[str, ...]
    against: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepOnPage:
    """A step of the plan: what to do, why, and how soon where that differs from the verdict."""

    do: str
    because: str
    when: str


@dataclass(frozen=True, slots=True)
class Page:
    """Everything on the page. `state` says whether the verdict is decided, awaits ordered tests, or is open.

    What the lowest level says reads as reassurance, so it is not said while the verdict is open.
    """

    case: str
    title: str
    level: str
    level_label: str
    level_says: str
    is_lowest: bool
    state: State
    could_be: str
    because: tuple[str, ...]
    awaiting: tuple[str, ...]
    ask_first: tuple[str, ...]
    not_known: tuple[str, ...]
    fits: str
    causes: tuple[CauseOnPage, ...]
    others: int
    do_now: tuple[StepOnPage, ...]
    then: tuple[StepOnPage, ...]
    not_asked: tuple[str, ...]
    more_not_asked: int
    unverified: tuple[str, ...]
    """What a record says and nobody vouches for, with its value, where it stands, and why."""
    unrecognized: tuple[tuple[str, str], ...]
    record: str
    statement: str
    knowledge: str


def page(assessment: Assessment, knowledge: KnowledgeBase) -> Page:
    """Return the page of an assessment made with this knowledge base."""
    urgency, grading = assessment.urgency, knowledge.grading
    level = knowledge.levels[urgency.level]
    repeated = _repeated(assessment, knowledge)
    awaited = urgency.awaiting or urgency.verified_level is not None
    state: State = "open" if not urgency.decided else "awaiting" if awaited else "decided"
    likely = [cause for cause in assessment.causes if grading.at_least(cause.standing, grading.considered)]
    steps = [step for step in assessment.next_steps if not step.done]
    first = _first_questions(assessment) if state == "open" else ()
    asked = [entry.id for entry in assessment.missing if entry.id not in first]
    return Page(
        case=clean(assessment.case),
        title=knowledge.title,
        level=urgency.level,
        level_label=level.label,
        level_says=level.says,
        is_lowest=knowledge.level_rank[urgency.level] == 0,
        state=state,
        could_be=knowledge.levels[urgency.could_rise_to].label if urgency.could_rise_to else "",
        because=tuple(clean(reason) for reason in urgency.because[:_REASONS]),
        awaiting=(
            *(step.do.rstrip(".") for step in repeated),
            *(step.do.rstrip(".") for step in steps if step.id in urgency.awaiting),
        ),
        ask_first=tuple(_named(name, knowledge) for name in first),
        not_known=tuple(_named(name, knowledge) for name in urgency.not_known),
        fits=_fits(assessment, knowledge),
        causes=tuple(_cause(cause, knowledge) for cause in likely[:_CAUSES]),
        others=max(0, len(likely) - _CAUSES),
        do_now=(*repeated, *(_step(step, assessment, knowledge) for step in steps if step.do_now)),
        then=tuple(_step(step, assessment, knowledge) for step in steps if not step.do_now),
        not_asked=tuple(_named(name, knowledge) for name in asked[:_NOT_ASKED]),
        more_not_asked=max(0, len(asked) - _NOT_ASKED),
        unverified=tuple(clean(f"{one.finding.says} ({one.finding.origin}): {one.reason}") for one in assessment.unverified),
        unrecognized=tuple((clean(item.text), clean(item.reason)) for item in assessment.unrecognized),
        record=f"Read from a record as of {clean(assessment.record.as_of or 'an unknown day')}." if assessment.record else "",
        statement=STATEMENT,
        knowledge=f"{knowledge.title}, knowledge {knowledge.version} ({knowledge.hash[:12]}). {proved(knowledge)}",
    )


def _repeated(assessment: Assessment, knowledge: KnowledgeBase) -> tuple[StepOnPage, ...]:
    """Return what to do about unverified results that warn: each is measured or asked again."""
    warning = [one for one in assessment.unverified if one.warns]
    names = dict.fromkeys(_named(one.finding.id, knowledge) for one in warning)
    because = "; ".join(dict.fromkeys(clean(one.reason) for one in warning))
    return (StepOnPage(f"Repeat, because unverified: {', '.join(names)}.", because, ""),) if names else ()


def _first_questions(assessment: Assessment) -> tuple[str, ...]:
    """Return what to ask first: the pertinent findings of the highest level that history or examination can settle."""
    tests = frozenset(assessment.urgency.open.test)
    names = [entry.id for entry in assessment.missing if entry.urgency is not None and entry.id not in tests]
    return tuple(names[:_ASKED_FIRST])


def _named(name: str, knowledge: KnowledgeBase) -> str:
    finding = knowledge.vocabulary.findings.get(name)
    if finding is None:
        return name
    return finding.label.removeprefix("the ").removeprefix("a ").removeprefix("an ")


def _fits(assessment: Assessment, knowledge: KnowledgeBase) -> str:
    complaint = assessment.complaint
    if complaint is None or complaint.fits != "no":
        return ""
    resembled = "; ".join(knowledge.causes[name].label for name in complaint.resembles)
    return f"The findings do not fit {complaint.label}." + (f" They resemble: {resembled}." if resembled else "")


def _cause(cause: CauseAssessed, knowledge: KnowledgeBase) -> CauseOnPage:
    return CauseOnPage(
        cause.label,
        cause.standing,
        knowledge.grading.standings[cause.standing],
        _best(cause.arguments_for, _ARGUMENTS_FOR),
        _best(cause.arguments_against, _ARGUMENTS_AGAINST),
    )


def _best(arguments: tuple[Argument, ...], most: int) -> tuple[str, ...]:
    """Return the first sentences of the weightiest arguments, each once."""
    weight = {"confirms": 0, "excludes": 0}
    by_weight = sorted(arguments, key=lambda one: weight.get(one.kind, 1 if one.strength == "strong" else 2))
    return tuple(dict.fromkeys(clean(argument.because) for argument in by_weight))[:most]


def _step(step: StepAdvised, assessment: Assessment, knowledge: KnowledgeBase) -> StepOnPage:
    when = knowledge.levels[step.level].label.lower() if step.level and step.level != assessment.urgency.level else ""
    return StepOnPage(step.do, clean(step.because), when)


def proved(knowledge: KnowledgeBase) -> str:
    """Say in one sentence what was proved of the knowledge base for every possible patient."""
    certificate = knowledge.certificate
    if certificate is None:
        return "No proof of this knowledge base is on file."
    counts = certificate.properties.values()
    total = sum(count.statements for count in counts)
    wrong = sum(count.failed + count.undecided for count in counts)
    accepted = sum(count.accepted for count in counts)
    told = f"{total - wrong:,} of {total:,} statements about every possible patient hold"
    meant = f", {accepted} of them as exceptions with a reason" if accepted else ""
    return f"Proved with z3 {certificate.z3}: {told}{meant}."
