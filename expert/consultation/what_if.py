"""What other answers would change, for a consultation that asks "what if" and for its reasons to ask: nothing is recorded.

Answers are supposed as a change of answers would be recorded: what they imply comes with them, what they close goes, and what
contradicts an answer is refused rather than overturning it.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from expert.consultation.moments import Consultation, Moment
from expert.inference.assessing import ContradictoryCase
from facts.assessment import Assessment
from facts.case import IMPLIED, Case, Contradiction, Observed, add_required, values_of
from facts.requirements import ancestors, answer_text, closed_by
from facts.vocabulary import Value, Vocabulary
from knowledge_base.model import KnowledgeBase
from reports.words.cleaning import clean
from reports.words.wording import lower_label, value_text

MOST_SHOWN = 5
"""Rules, or changes, that are listed before it is said that there are more."""
_SUPPOSED = "supposed"


def what_if(moment: Moment, answers: Mapping[str, Value], consultation: Consultation) -> list[str]:
    """Return lines that say what other answers would change, or which answer they contradict and what to suppose instead."""
    knowledge, case = consultation.knowledge, moment.told.case
    findings = knowledge.vocabulary.findings
    try:
        after = consultation.assessor.assess(suppose(case, answers, knowledge.vocabulary))
    except Contradiction as error:
        lines = [f"This contradicts an answer: {one.tell(error.origins)}." for one in error.denied]
        if not any(one.denied in answers for one in error.denied):
            chains = [above for one in error.denied for above in ancestors(one.finding, findings)]
            together = {**{above: True for above in chains if case.values.get(above) is False}, **answers}
            both = ", ".join(f"{name}={answer_text(value)}" for name, value in together.items())
            lines.append(f"To suppose both changes, ask: what if {both}")
        return [clean(line) for line in lines]
    except ContradictoryCase as error:
        return [f"These answers contradict what is known: {clean(str(error))}"]
    said = "; ".join(f"{findings[name].label}: {value_text(findings[name], value)}" for name, value in answers.items())
    return [
        f"WHAT IF {said}",
        *(f"  · {line}" for line in difference(moment.assessment, after, knowledge) or ["Nothing changes."]),
    ]


def effect(moment: Moment, answers: Mapping[str, Value], consultation: Consultation) -> str:
    """Return in one line what answers would change."""
    try:
        supposed = suppose(moment.told.case, answers, consultation.knowledge.vocabulary)
        after = consultation.assessor.assess(supposed)
    except Contradiction as error:
        return clean(f"contradicts an answer: {error}")
    except ContradictoryCase:
        return "contradicts what is known"
    changes = difference(moment.assessment, after, consultation.knowledge)
    if not changes:
        return _ruled_out(moment.known.values, supposed.values, consultation) or "nothing changes by itself"
    return "; ".join(changes[:MOST_SHOWN]) + ("; …" if len(changes) > MOST_SHOWN else "")


def difference(before: Assessment, after: Assessment, knowledge: KnowledgeBase) -> list[str]:
    """Say what differs between two assessments: urgency, warning signs, and causes that stand otherwise."""
    lines: list[str] = []
    if before.urgency.level != after.urgency.level:
        levels = knowledge.levels
        lines.append(f"urgency {levels[before.urgency.level].label} → {levels[after.urgency.level].label}")
    signs = [{sign.id: sign for sign in assessment.warning_signs} for assessment in (before, after)]
    lines += [f"warning sign: {sign.label}" for name, sign in signs[1].items() if name not in signs[0]]
    lines += [f"no warning sign any more: {sign.label}" for name, sign in signs[0].items() if name not in signs[1]]
    grading = knowledge.grading
    was = {cause.id: cause.standing for cause in before.causes}
    for cause in after.causes:
        old = was[cause.id]
        matters = any(grading.at_least(standing, grading.considered) for standing in (old, cause.standing))
        if old != cause.standing and matters:
            lines.append(
                f"{cause.label}: {lower_label(grading.standings[old])} → {lower_label(grading.standings[cause.standing])}"
            )
    return lines


def _ruled_out(values: Mapping[str, Value], supposed: Mapping[str, Value], consultation: Consultation) -> str:
    judge = consultation.questioner.judge
    before, after = judge(values), judge(supposed)
    count = sum(
        1
        for rule in consultation.knowledge.rules.values()
        if rule.kind != "advises" and before.missing[judge.position[rule.id]] and after.truth(judge.position[rule.id]) is False
    )
    return f"rules out {count} argument{'s' * (count != 1)}" if count else ""


def suppose(case: Case, answers: Mapping[str, Value], vocabulary: Vocabulary) -> Case:
    """Return the case as if these answers were given too. Raises Contradiction when they are at odds with others."""
    given = {name: observed for name, observed in case.findings.items() if not observed.origin.startswith(IMPLIED)}
    for name in closed_by(answers, (), values_of(given), vocabulary.findings):
        del given[name]
    supposed = {**given, **{name: Observed(value, origin=_SUPPOSED) for name, value in answers.items()}}
    return replace(case, findings=MappingProxyType(add_required(vocabulary, supposed)))
