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
from facts.explanation import Difference, Moved, WhatIf
from facts.requirements import ancestors, closed_by
from facts.vocabulary import Value, Vocabulary
from knowledge_base.model import KnowledgeBase

_SUPPOSED = "supposed"


def what_if(moment: Moment, answers: Mapping[str, Value], consultation: Consultation) -> WhatIf:
    """Return what other answers would change, or which answer they contradict and what to suppose instead."""
    case, findings = moment.told.case, consultation.knowledge.vocabulary.findings
    supposed, level = MappingProxyType(dict(answers)), moment.assessment.urgency.level
    same = Difference((level, level))
    try:
        after = consultation.assessor.assess(suppose(case, answers, consultation.knowledge.vocabulary))
    except Contradiction as error:
        both = None
        if not any(one.denied in answers for one in error.denied):
            chains = [above for one in error.denied for above in ancestors(one.finding, findings)]
            both = MappingProxyType({**{above: True for above in chains if case.values.get(above) is False}, **answers})
        return WhatIf(supposed, same, tuple(one.tell(error.origins) for one in error.denied), both)
    except ContradictoryCase as error:
        return WhatIf(supposed, replace(same, contradicts=str(error)))
    return WhatIf(supposed, difference(moment.assessment, after, consultation.knowledge))


def difference_of(moment: Moment, answers: Mapping[str, Value], consultation: Consultation) -> Difference:
    """Return what answers would change, or which arguments they would rule out, or what they contradict."""
    level = moment.assessment.urgency.level
    same = Difference((level, level))
    try:
        supposed = suppose(moment.told.case, answers, consultation.knowledge.vocabulary)
        after = consultation.assessor.assess(supposed)
    except Contradiction as error:
        return replace(same, contradicts=f"an answer: {error}")
    except ContradictoryCase:
        return replace(same, contradicts="what is known")
    found = difference(moment.assessment, after, consultation.knowledge)
    if found.changes_something:
        return found
    return replace(found, ruled_out=_ruled_out(moment.known.values, supposed.values, consultation))


def difference(before: Assessment, after: Assessment, knowledge: KnowledgeBase) -> Difference:
    """Return what differs between two assessments: urgency, warning signs, and causes that stand otherwise."""
    signs = [dict.fromkeys(sign.id for sign in assessment.warning_signs) for assessment in (before, after)]
    grading = knowledge.grading
    was = {cause.id: cause.standing for cause in before.causes}
    return Difference(
        level=(before.urgency.level, after.urgency.level),
        signs=tuple(name for name in signs[1] if name not in signs[0]),
        signs_gone=tuple(name for name in signs[0] if name not in signs[1]),
        causes=tuple(
            Moved(cause.id, was[cause.id], cause.standing)
            for cause in after.causes
            if was[cause.id] != cause.standing
            and any(grading.at_least(standing, grading.considered) for standing in (was[cause.id], cause.standing))
        ),
    )


def _ruled_out(values: Mapping[str, Value], supposed: Mapping[str, Value], consultation: Consultation) -> int:
    judge = consultation.questioner.judge
    before, after = judge(values), judge(supposed)
    return sum(
        1
        for rule in consultation.knowledge.rules.values()
        if rule.kind != "advises" and before.missing[judge.position[rule.id]] and after.truth(judge.position[rule.id]) is False
    )


def suppose(case: Case, answers: Mapping[str, Value], vocabulary: Vocabulary) -> Case:
    """Return the case as if these answers were given too. Raises Contradiction when they are at odds with others."""
    given = {name: observed for name, observed in case.findings.items() if not observed.origin.startswith(IMPLIED)}
    for name in closed_by(answers, (), values_of(given), vocabulary.findings):
        del given[name]
    supposed = {**given, **{name: Observed(value, origin=_SUPPOSED) for name, value in answers.items()}}
    return replace(case, findings=MappingProxyType(add_required(vocabulary, supposed)))
