"""An assessment on one page: what a consultant would sign and a reader takes in within a minute.

The verdict and whether it is decided, the leading causes with their best reasons, what to do now and then, and what was not
asked and matters. The whole argument is one step away, in `view`.

Longer than other modules: each part of the page leaves out what another part has said.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from facts.assessment import Argument, Assessment, CauseAssessed, MissingFinding, StepAdvised
from facts.language.speaking import say, spoken
from knowledge_base.interview import MEDICINES, told_by_lists
from knowledge_base.model import KnowledgeBase
from reports.words.cleaning import clean
from reports.words.wording import lower_label

STATEMENT = (
    "Charley supports a clinician's judgment and does not replace it. What was not asked is unknown, and no conclusion here "
    "rests on a missing answer."
)
_AWAITING = "This translation awaits the review of a clinician."
_MARKED = "What begins with [en] has not been translated."
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_IN_BRACKETS = re.compile(r" \([^()]*\)")
State: TypeAlias = Literal["decided", "awaiting", "open"]
_REASONS = 2
LEADING = 3
"""Causes on a page."""
_ARGUMENTS = ((3, 2), (2, 1), (2, 1))
"""How many reasons for and against stand below the first, the second and the third cause."""
_ASKED_FIRST = 6
_NOT_ASKED = 5
_NOT_KNOWN = 8
_NOT_USED = 4
_CODES = 2
_LONG = 110
"""Characters of a reason, after which what stands in brackets is left to the whole argument."""


@dataclass(frozen=True, slots=True)
class CauseOnPage:
    """A leading cause with its best reasons for it and against it."""

    id: str
    label: str
    standing: str
    standing_label: str
    reasons: tuple[str, ...]
    against: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepOnPage:
    """A step of the plan: what to do, for a test why, and how soon where that differs from the verdict."""

    do: str
    why: str
    when: str
    is_awaited: bool


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
    more_because: int
    ask_first: tuple[str, ...]
    not_known: tuple[str, ...]
    fits: str
    causes: tuple[CauseOnPage, ...]
    others: int
    do_now: tuple[StepOnPage, ...]
    then: tuple[StepOnPage, ...]
    come_back: str
    """When to come back or call; empty where a step says it, and where help is needed now."""
    not_asked: tuple[str, ...]
    more_not_asked: int
    unverified: tuple[str, ...]
    """What a record says and nobody vouches for, with its value, where it stands, and why."""
    unrecognized: tuple[tuple[str, str], ...]
    more_not_used: int
    """How many more findings are unverified or not recognized."""
    not_known_here: str
    """What a record says in codes that are not known here."""
    idle: str
    """What stands in the place of the steps where there are none."""
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
    medicines = say("the other medicines") if _some_medicines(assessment, knowledge) else say(MEDICINES)
    asked = [entry.id for entry in _that_matter(assessment, likely, knowledge) if entry.id not in first]
    unverified = [clean(f"{one.finding.says} ({one.finding.origin}): {one.reason}") for one in assessment.unverified]
    unrecognized = [(clean(item.text), clean(item.reason)) for item in assessment.unrecognized]
    return Page(
        case=clean(assessment.case),
        title=knowledge.title,
        level=urgency.level,
        level_label=level.label,
        level_says=level.says,
        is_lowest=knowledge.level_rank[urgency.level] == 0,
        state=state,
        could_be=knowledge.levels[urgency.could_rise_to].label if urgency.could_rise_to else "",
        because=_reasons(urgency.because),
        more_because=max(0, len(urgency.because) - _REASONS),
        ask_first=tuple(medicines if name == MEDICINES else _named(name, knowledge) for name in first),
        not_known=_not_known(assessment, knowledge),
        fits=_fits(assessment, knowledge),
        causes=tuple(_cause(cause, knowledge, *counts) for cause, counts in zip(likely[:LEADING], _ARGUMENTS, strict=False)),
        others=max(0, len(likely) - LEADING),
        do_now=(*repeated, *(_step(step, assessment, knowledge) for step in steps if step.do_now)),
        then=tuple(_step(step, assessment, knowledge) for step in steps if not step.do_now),
        come_back=_come_back(assessment, knowledge),
        not_asked=tuple(medicines if name == MEDICINES else _named(name, knowledge) for name in asked[:_NOT_ASKED]),
        more_not_asked=max(0, len(asked) - _NOT_ASKED),
        unverified=tuple(unverified[:_NOT_USED]),
        unrecognized=tuple(unrecognized[:_NOT_USED]),
        more_not_used=max(0, len(unverified) - _NOT_USED) + max(0, len(unrecognized) - _NOT_USED),
        not_known_here=_not_known_here(assessment),
        idle=_idle(state, bool(unverified)),
        record=_record(assessment),
        statement=statement(),
        knowledge=knowledge_line(knowledge),
    )


def statement() -> str:
    """Say what a report is, and in another language than English who has reviewed that language."""
    language = spoken()
    if language is None:
        return STATEMENT
    reviewed = language.reviewed_by
    by = say("Translation reviewed by {who}.").format(who=reviewed) if reviewed else say(_AWAITING)
    return f"{say(STATEMENT)} {by} {say(_MARKED)}"


def knowledge_line(knowledge: KnowledgeBase) -> str:
    """Name the knowledge base, its version and its hash."""
    told = say("{title}, knowledge {version} ({hash}).")
    return told.format(title=knowledge.title, version=knowledge.version, hash=knowledge.hash[:12])


def _record(assessment: Assessment) -> str:
    if assessment.record is None:
        return ""
    day = clean(assessment.record.as_of) if assessment.record.as_of else say("an unknown day")
    return say("Read from a record as of {day}.").format(day=day)


def _not_known(assessment: Assessment, knowledge: KnowledgeBase) -> tuple[str, ...]:
    names = assessment.by_what_matters(assessment.urgency.not_known)
    told = [_named(name, knowledge) for name in names[:_NOT_KNOWN]]
    return (*told, *([say("{count} more").format(count=len(names) - _NOT_KNOWN)] if len(names) > _NOT_KNOWN else []))


def _not_known_here(assessment: Assessment) -> str:
    names = assessment.record.conditions_not_known if assessment.record else ()
    if not names:
        return ""
    told = "; ".join(clean(name) for name in names[:_CODES])
    if (more := len(names) - _CODES) > 0:
        told += say("; {count} more").format(count=more)
    return say("In the record, with codes that are not known here, and so not used: {names}").format(names=told)


def _idle(state: State, has_unverified: bool) -> str:
    """Say why there is no step; while a danger is open that is no reassurance."""
    if state == "open":
        return say("Ask and examine further before anything is decided.")
    if has_unverified:
        return say("Repeat the unverified results; nothing further needs to be done.")
    return say("Nothing further needs to be done.")


def _come_back(assessment: Assessment, knowledge: KnowledgeBase) -> str:
    words = knowledge.leaflet
    is_highest = knowledge.level_rank[assessment.urgency.level] == len(knowledge.levels) - 1
    if words is None or is_highest or any(step.id in words.said_by for step in assessment.next_steps):
        return ""
    return words.help_clinician


def _some_medicines(assessment: Assessment, knowledge: KnowledgeBase) -> bool:
    """Return whether some medicines are known, so that what is missing are the others."""
    listed = told_by_lists(knowledge.vocabulary, knowledge.dictionary)
    return any(used.value is True and used.id in listed for used in assessment.findings)


def _repeated(assessment: Assessment, knowledge: KnowledgeBase) -> tuple[StepOnPage, ...]:
    """Return what to do about unverified results that warn: each is measured or asked again."""
    warning = [one for one in assessment.unverified if one.warns]
    names = dict.fromkeys(_named(one.finding.id, knowledge) for one in warning)
    awaited = assessment.urgency.verified_level is not None
    return (
        (StepOnPage(say("Repeat, because unverified: {names}.").format(names=", ".join(names)), "", "", awaited),)
        if names
        else ()
    )


def _reasons(reasons: tuple[str, ...]) -> tuple[str, ...]:
    """Return the reasons of the verdict: the first whole, with what it means, of the others the finding alone."""
    return tuple(
        clean(reason) if place == 0 else _SENTENCE_END.split(clean(reason), maxsplit=1)[0]
        for place, reason in enumerate(reasons[:_REASONS])
    )


def _that_matter(assessment: Assessment, likely: Sequence[CauseAssessed], knowledge: KnowledgeBase) -> Iterator[MissingFinding]:
    """Return the unknowns that could raise the urgency, or bear on another cause than one that leads already."""
    leads = likely[:1] if likely and knowledge.grading.at_least(likely[0].standing, knowledge.grading.likely) else ()
    settled = {cause.id for cause in leads}
    for entry in assessment.missing:
        if entry.urgency is not None or not settled.issuperset(entry.causes):
            yield entry


def _first_questions(assessment: Assessment) -> tuple[str, ...]:
    """Return what to ask first: the pertinent findings of the highest level that history or examination can settle."""
    tests = frozenset(assessment.urgency.open.test)
    names = [entry.id for entry in assessment.missing if entry.urgency is not None and entry.id not in tests]
    return tuple(names[:_ASKED_FIRST])


def _named(name: str, knowledge: KnowledgeBase) -> str:
    finding = knowledge.vocabulary.findings.get(name)
    if finding is None:
        return say(name)
    return finding.label.removeprefix("the ").removeprefix("a ").removeprefix("an ")


def _fits(assessment: Assessment, knowledge: KnowledgeBase) -> str:
    complaint = assessment.complaint
    if complaint is None or complaint.fits != "no":
        return ""
    resembled = "; ".join(knowledge.causes[name].label for name in complaint.resembles)
    told = say("The findings do not fit {complaint}.").format(complaint=complaint.label)
    return told + (" " + say("They resemble: {causes}.").format(causes=resembled) if resembled else "")


def _cause(cause: CauseAssessed, knowledge: KnowledgeBase, most_for: int, most_against: int) -> CauseOnPage:
    return CauseOnPage(
        cause.id,
        cause.label,
        cause.standing,
        knowledge.grading.standings[cause.standing],
        _best(cause.arguments_for, most_for),
        _best(cause.arguments_against, most_against),
    )


def _best(arguments: tuple[Argument, ...], most: int) -> tuple[str, ...]:
    """Return the weightiest arguments, each once; one that rests on nothing new says nothing new."""
    weight = {"confirms": 0, "excludes": 0}
    by_weight = sorted(arguments, key=lambda one: weight.get(one.kind, 1 if one.strength == "strong" else 2))
    kept, rests_on = list[str](), set[str]()
    for argument in by_weight:
        findings = {used.id for used in argument.findings}
        if not kept or not findings <= rests_on:
            kept.append(clean(argument.because))
            rests_on |= findings
    return tuple(dict.fromkeys(kept))[:most]


def _step(step: StepAdvised, assessment: Assessment, knowledge: KnowledgeBase) -> StepOnPage:
    when = lower_label(knowledge.levels[step.level].label) if step.level and step.level != assessment.urgency.level else ""
    because = clean(step.because) if step.kind == "test" else ""
    if len(because) > _LONG:
        because = _IN_BRACKETS.sub("", because)
    return StepOnPage(step.do, because, when, step.id in assessment.urgency.awaiting)


def proved(knowledge: KnowledgeBase) -> str:
    """Say in one sentence what was proved of the knowledge base for every possible patient."""
    certificate = knowledge.certificate
    if certificate is None:
        return say("No proof of this knowledge base is on file.")
    counts = certificate.properties.values()
    total = sum(count.statements for count in counts)
    wrong = sum(count.failed + count.undecided for count in counts)
    accepted = sum(count.accepted for count in counts)
    told = say("{held} of {total} statements about every possible patient hold").format(
        held=f"{total - wrong:,}", total=f"{total:,}"
    )
    meant = say(", {count} of them as exceptions with a reason").format(count=accepted) if accepted else ""
    return say("Proved with z3 {version}: {told}.").format(version=certificate.z3, told=told + meant)
