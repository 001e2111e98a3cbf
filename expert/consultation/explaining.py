"""What a consultation answers when it is asked back: why this question, how that conclusion, why not another; as plain data.

Every answer is made from the same judgement as the conclusions themselves, and put into words by `reports.words.explaining`.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import pairwise

from expert.consultation.asking.page import ScreenAsked
from expert.consultation.meant import Meant
from expert.consultation.moments import Consultation, Moment
from expert.consultation.what_if import difference_of
from facts.assessment import FindingUsed
from facts.explanation import How, PossibleAnswer, QuestionWorth, RuleStands, Served, WhyAsked, WhyNot, WhyPage
from facts.vocabulary import ChoiceFinding, Finding, QuantityFinding, Value
from knowledge_base.conditions.expression import Expression, Leaf, Named, leaves, names_used
from knowledge_base.conditions.logic import Truth, evaluate_leaf, evaluate_named, residue, supports
from knowledge_base.judging.thresholds import thresholds
from knowledge_base.model import KnowledgeBase, Rule
from reports.words.wording import leaf_clause, named_clause, tell

_MOST_KNOWN = 4


# Why is this asked?


def why(moment: Moment, name: str, consultation: Consultation) -> WhyAsked:
    """Return which rules a question serves, what is already known of them, and what each answer would do."""
    knowledge, values = consultation.knowledge, moment.known.values
    used = {one.id: one for one in moment.assessment.findings}
    served = []
    for rule in _serving(moment, name, consultation):
        rest = residue(rule.condition, partial(evaluate_leaf, values=values), knowledge.conditions)
        needed = "" if isinstance(rest, bool) else tell(rest, knowledge)
        level = rule.level if rule.kind == "warns" else None
        served.append(Served(rule.id, rule.kind, rule.target, level, needed, _known_of(rule, used, knowledge)))
    answers = tuple(
        PossibleAnswer(answer, between, difference_of(moment, {name: answer}, consultation))
        for answer, between in _answers(knowledge.vocabulary.findings[name], knowledge)
    )
    return WhyAsked(name, used.get(name), tuple(served), answers)


def why_page(moment: Moment, asked: ScreenAsked) -> WhyPage:
    """Return why a page is asked: what each of its questions could still change most."""
    prospect, levels = moment.prospect, list(moment.questioner.rank)
    questions = tuple(
        QuestionWorth(
            name, levels[prospect.raising[name]] if name in prospect.raising else None, prospect.deciding.get(name, 0)
        )
        for name in asked.questions
    )
    return WhyPage(asked.screen.id, asked.screen.label, asked.asks_medicines, questions)


def _serving(moment: Moment, name: str, consultation: Consultation) -> Iterator[Rule]:
    """Return the rules that wait for a finding: those that would raise the urgency most first."""
    judge, knowledge = consultation.questioner.judge, consultation.knowledge
    outlook = judge.outlook(moment.known.values, moment.prospect.answerable)
    bit = consultation.questioner.bit[name]
    waiting = [rule for rule in knowledge.rules.values() if outlook.wanted[judge.position[rule.id]] & bit]
    rank = knowledge.level_rank
    floor = rank[moment.assessment.urgency.level]
    open_causes = set(moment.prospect.open_causes)

    def order(rule: Rule) -> tuple[int, bool, bool, int]:
        raises = rank[rule.level] if rule.kind == "warns" and rule.level and rank[rule.level] > floor else 0
        against = rule.kind in ("opposes", "excludes")
        return (-raises, against, rule.target not in open_causes, sum(1 for _ in _all_leaves(rule.condition, knowledge)))

    yield from sorted((rule for rule in waiting if rule.kind not in ("advises", "downgrades")), key=order)


def _known_of(rule: Rule, used: Mapping[str, FindingUsed], knowledge: KnowledgeBase) -> tuple[FindingUsed, ...]:
    names = dict.fromkeys(leaf.finding for leaf in _all_leaves(rule.condition, knowledge))
    return tuple([used[name] for name in names if name in used][:_MOST_KNOWN])


def _all_leaves(tree: Expression, knowledge: KnowledgeBase) -> Iterator[Leaf]:
    yield from leaves(tree)
    for name in names_used(tree):
        if name in knowledge.definitions:
            yield from _all_leaves(knowledge.conditions[name], knowledge)


def _answers(finding: Finding, knowledge: KnowledgeBase) -> Iterator[tuple[Value, tuple[float, float] | None]]:
    """Return an answer of every sort that the knowledge tells apart; of a quantity, the ends between which it lies."""
    if isinstance(finding, ChoiceFinding):
        yield from ((choice, None) for choice in finding.choices)
    elif isinstance(finding, QuantityFinding):
        trees = [*(rule.condition for rule in knowledge.rules.values()), *knowledge.conditions.values()]
        edges = [finding.range[0], *thresholds(trees).get(finding.id, ()), finding.range[1]]
        yield from (((low + high) / 2, (low, high)) for low, high in pairwise(edges) if low < high)
    else:
        yield from ((True, None), (False, None))


# How was it concluded, and why not?


def how(moment: Moment, named: Meant) -> How:
    """Return how a conclusion was reached: every argument for and against, with what it rests on and its source."""
    assessment, about, name = moment.assessment, named.kind, named.id
    if about == "urgency":
        return How(about, name, assessment.urgency.level, assessment.urgency.because)
    if about == "finding":
        found = next((used for used in assessment.findings if used.id == name), None)
        return How(about, name, finding=found, is_unknown=name in moment.told.unknown)
    if about == "sign":
        sign = next((sign for sign in assessment.warning_signs if sign.id == name), None)
        return How(about, name) if sign is None else How(about, name, sign.level, arguments_for=sign.arguments)
    if about == "step":
        step = next((step for step in assessment.next_steps if step.id == name), None)
        return How(about, name) if step is None else How(about, name, step.do, (step.because,), step.source)
    cause = next(cause for cause in assessment.causes if cause.id == name)
    return How(about, name, cause.standing, arguments_for=cause.arguments_for, arguments_against=cause.arguments_against)


def why_not(moment: Moment, named: Meant, consultation: Consultation) -> WhyNot:
    """Return of each argument for a cause or sign why it does not hold: which condition fails, or is unknown."""
    knowledge, values = consultation.knowledge, moment.known.values
    declared = knowledge.causes[named.id] if named.kind == "cause" else knowledge.warning_signs[named.id]
    truths = evaluate_named(knowledge.conditions, values)
    judge = consultation.questioner.judge
    judgement = judge(values)
    rules, against = [], []
    for rule in declared.rules:
        truth = judgement.truth(judge.position[rule.id])
        if rule.kind in ("opposes", "excludes"):
            if truth:
                against.append(RuleStands(rule.id, rule.kind, "holds", (tell(rule.condition, knowledge),)))
        elif truth is True:
            rules.append(RuleStands(rule.id, rule.kind, "holds", (tell(rule.condition, knowledge),)))
        elif truth is False:
            failing = dict.fromkeys(_failing(rule.condition, values, truths, knowledge))
            rules.append(RuleStands(rule.id, rule.kind, "fails", tuple(failing)))
        else:
            rest = residue(rule.condition, partial(evaluate_leaf, values=values), knowledge.conditions)
            needed = () if isinstance(rest, bool) else (tell(rest, knowledge),)
            rules.append(RuleStands(rule.id, rule.kind, "open", needed))
    return WhyNot(named.kind, named.id, tuple(rules), tuple(against))


def _failing(
    condition: Expression, values: Mapping[str, Value], truths: Mapping[str, Truth], knowledge: KnowledgeBase
) -> Iterator[str]:
    for part, truth in supports(condition, values, truths):
        if isinstance(part, Named):
            yield named_clause(part.name, truth, knowledge)
        else:
            yield leaf_clause(part, truth, knowledge)
