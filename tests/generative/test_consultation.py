"""What a consultation promises holds for every completion: what an outlook rules out, and what a certificate settles."""

import random
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expert.consultation.asking.foreseeing import foresee
from expert.consultation.asking.next_question import Certificate
from expert.consultation.asking.page import ScreenAsked
from expert.consultation.asking.prospect import Known
from expert.consultation.moments import Consultation
from expert.inference.assessing import Assessor, ContradictoryCase
from facts.assessment import Assessment
from facts.vocabulary import ChoiceFinding, QuantityFinding, Value
from knowledge_base.conditions.expression import Expression, leaves, names_used
from knowledge_base.conditions.logic import evaluate, evaluate_named
from knowledge_base.interview import asked_by
from knowledge_base.judging.judgement import Judge
from knowledge_base.judging.patient_judging import compile_outlook
from knowledge_base.model import KnowledgeBase
from tests.generative.drawing import FINDINGS, cases, completions, consistent, knowledge_bases
from tests.generative.test_interpreters_agree import all_conditions, meaning
from tests.small_knowledge import case


@given(knowledge_bases(), cases(), st.data(), st.sets(st.sampled_from(sorted(FINDINGS))))
def test_what_an_outlook_rules_out_no_answer_brings_about(
    knowledge: KnowledgeBase, values: dict[str, Value], data: st.DataObject, answerable: set[str]
) -> None:
    judge = Judge(knowledge)
    outlook = judge.outlook(values, answerable)
    compiled = compile_outlook(judge.program, tuple(knowledge.vocabulary.findings))
    can, wanted_then = compiled(judge.lookout(values, answerable).known)
    assert (list(map(bool, can)), wanted_then) == (list(map(bool, outlook.can)), outlook.wanted)
    more = data.draw(completions(values))
    completed = consistent({**values, **{name: value for name, value in more.items() if name in answerable}})
    before, after = meaning(knowledge, values), meaning(knowledge, completed)
    news = {name for name in completed if completed[name] != values.get(name)}
    for name in all_conditions(knowledge):
        position = judge.position[name]
        wanted = set(judge.findings_of(outlook.wanted[position]))
        assert wanted <= answerable
        if before[name]:
            assert outlook.can[position] and not wanted
        elif after[name] and news <= answerable:
            assert outlook.can[position] and wanted & news


@given(knowledge_bases(), cases(), st.sets(st.sampled_from(sorted(FINDINGS))), st.booleans(), st.data())
def test_no_completion_contradicts_the_certificate(
    knowledge: KnowledgeBase, patient: dict[str, Value], unknown: set[str], thorough: bool, data: st.DataObject
) -> None:
    assessor = Assessor(knowledge)
    told = consistent({name: value for name, value in patient.items() if name not in unknown})
    stopped, known = held(Consultation(assessor, thorough=thorough), told)
    more = data.draw(cases())
    answerable = promised(Consultation(assessor, thorough=thorough), known)
    completed = consistent({**{name: value for name, value in more.items() if name in answerable}, **known.values})
    if set(completed) <= answerable | set(known.values):
        compare(knowledge, stopped, assessor.assess(case(known.values)), assessor.assess(case(completed)))


@pytest.mark.parametrize("seed", range(40))
def test_no_completion_contradicts_the_certificate_of_the_shipped_knowledge(seed: int, assessor: Assessor) -> None:
    draw, knowledge = random.Random(seed), assessor.knowledge
    consultation = Consultation(assessor, thorough=seed % 2 == 0)
    full = drawn(knowledge, draw, tuple(knowledge.vocabulary.findings), {})
    told = {name: value for name, value in full.items() if draw.random() < draw.choice((0.2, 0.8, 1.0))}
    told = {name: value for name, value in told.items() if hangs_together(knowledge, name, told)}
    try:
        stopped, known = held(consultation, told)
    except ContradictoryCase:
        return
    before = assessor.assess(case(known.values))
    unasked = consultation.questioner.answerable(known)
    assert stopped.remaining == len(unasked)
    answerable = sorted(promised(consultation, known), key=list(knowledge.vocabulary.findings).index)
    for _ in range(10):
        completed = drawn(knowledge, draw, answerable, known.values)
        try:
            after = assessor.assess(case(completed))
        except ContradictoryCase:
            continue
        compare(knowledge, stopped, before, after)


def promised(consultation: Consultation, known: Known) -> frozenset[str]:
    """Return the unasked findings that a certificate speaks of: all, or those that no test takes that nothing orders."""
    questioner = consultation.questioner
    unasked = questioner.answerable(known)
    return (
        unasked
        if questioner.thorough
        else unasked & questioner.verdicts.answerable(known.values, questioner.judge(known.values))
    )


def held(consultation: Consultation, told: Mapping[str, Value]) -> tuple[Certificate, Known]:
    """Hold a consultation by its questions alone; what is not told is answered "unknown"."""
    questioner, known, shown = consultation.questioner, Known({}), []
    judge = questioner.judge
    foreseen = frozenset(questioner.knowledge.vocabulary.findings)
    while True:
        judgement = judge(known.values)
        prospect = questioner.prospect(known, judgement)
        following = questioner.next_screen(known, shown, prospect)
        if not isinstance(following, ScreenAsked):
            break
        # Whatever was answered, nothing is asked that could not be foreseen, so "at most so many questions" is true.
        assert set(following.questions) <= foreseen
        foreseen &= foresee(questioner, known, judgement, prospect, following.questions)
        asked = following.questions or tuple(questioner.listed)
        values = {**known.values, **{name: told[name] for name in asked if name in told}}
        known = Known(values, known.unknown | {name for name in asked if name not in told}, known.lists_asked)
        if following.screen.medicines:
            known = Known(values, known.unknown, True)
        shown.append(following.screen.id)
        consultation.assessor.assess(case(known.values))
    return following, known


def compare(knowledge: KnowledgeBase, stopped: Certificate, before: Assessment, after: Assessment) -> None:
    """Compare what stood when a consultation stopped with what a completion shows, as far as the certificate promises."""
    assert before.urgency.level == stopped.urgency
    if stopped.thorough:
        assert after.urgency.level == stopped.urgency or is_lowered(knowledge, before, after)
    else:
        for sign in after.warning_signs:
            for argument in sign.arguments:
                if (
                    argument.kind == "warns"
                    and knowledge.level_rank[argument.level or ""] > knowledge.level_rank[stopped.urgency]
                ):
                    assert not was_pertinent(knowledge, argument.rule, before)
    if stopped.thorough:
        assert set(likely_of(knowledge, after)) <= set(likely_of(knowledge, before))
    leads = [leading_of_supported(knowledge, before, assessment, thorough=stopped.thorough) for assessment in (before, after)]
    assert leads[0] == stopped.leading
    if leads[1] != leads[0]:
        # What argues against the leading cause, which nothing suggested, is all that may move it.
        assert not stopped.thorough and stopped.leading is not None
        assert against(before, stopped.leading) < against(after, stopped.leading)


def leading_of_supported(knowledge: KnowledgeBase, before: Assessment, assessment: Assessment, *, thorough: bool) -> str | None:
    """Return the cause that leads of those that something supported before (thorough: of all)."""
    grading = knowledge.grading
    supported = {cause.id for cause in before.causes if grading.at_least(cause.standing, grading.considered)}
    return next((name for name in likely_of(knowledge, assessment) if thorough or name in supported), None)


def likely_of(knowledge: KnowledgeBase, assessment: Assessment) -> list[str]:
    """Return the causes that are likely, the leading one first."""
    grading = knowledge.grading
    return [cause.id for cause in assessment.causes if grading.at_least(cause.standing, grading.likely)]


def against(assessment: Assessment, cause: str) -> set[str]:
    """Return the rules that argue against a cause."""
    return {argument.rule for found in assessment.causes if found.id == cause for argument in found.arguments_against}


def is_lowered(knowledge: KnowledgeBase, before: Assessment, after: Assessment) -> bool:
    """Return whether the urgency is lower because something answered a concern, which no certificate rules out."""
    return knowledge.level_rank[after.urgency.level] < knowledge.level_rank[before.urgency.level] and any(
        argument.kind == "downgrades" for sign in after.warning_signs for argument in sign.arguments
    )


def was_pertinent(knowledge: KnowledgeBase, rule: str, before: Assessment) -> bool:
    """Return whether a danger was screened for in everybody, or looked for by what was known, without a test being due."""
    look_for = knowledge.rules[rule].look_for
    values = {used.id: used.value for used in before.findings}
    if look_for is not None and evaluate(look_for, values, evaluate_named(knowledge.conditions, values)) is not True:
        return False
    by = asked_by(knowledge.interview, knowledge.vocabulary)
    return all(by[name] != "test" for name in findings_about(knowledge.rules[rule].condition, knowledge))


def findings_about(tree: Expression, knowledge: KnowledgeBase) -> set[str]:
    """Return the findings that a condition is about, those behind what it names too."""
    behind = [findings_about(knowledge.conditions[name], knowledge) for name in names_used(tree)]
    return {leaf.finding for leaf in leaves(tree)}.union(*behind)


def drawn(
    knowledge: KnowledgeBase, draw: random.Random, names: list[str] | tuple[str, ...], known: Mapping[str, Value]
) -> dict[str, Value]:
    """Draw answers for findings, those that hang on a "no" left out; patients have most signs seldom."""
    values: dict[str, Value] = dict(known)
    often = draw.choice((0.03, 0.1, 0.5))
    for name in sorted(names, key=lambda name: (depth(knowledge, name), name)):
        finding = knowledge.vocabulary.findings[name]
        if finding.requires is not None and values.get(finding.requires) is not True:
            continue
        if isinstance(finding, QuantityFinding):
            low, high = finding.range
            values[name] = round(draw.uniform(low, high), 2) if draw.random() < 0.5 else low + (high - low) * draw.random() ** 3
        elif isinstance(finding, ChoiceFinding):
            values[name] = draw.choice(sorted(finding.choices))
        else:
            values[name] = draw.random() < often
    return {name: values[name] for name in knowledge.vocabulary.findings if name in values}


def depth(knowledge: KnowledgeBase, name: str) -> int:
    needed = knowledge.vocabulary.findings[name].requires
    return 0 if needed is None else 1 + depth(knowledge, needed)


def hangs_together(knowledge: KnowledgeBase, name: str, told: Mapping[str, Value]) -> bool:
    needed = knowledge.vocabulary.findings[name].requires
    return needed is None or (told.get(needed) is True and hangs_together(knowledge, needed, told))
