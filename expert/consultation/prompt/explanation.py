"""What a consultation answers when it is asked back: why this question, how that conclusion, why not another.

Every answer is plain lines of text, made from the same judgement as the conclusions themselves. Longer than other modules:
the questions share how names are read, and how they name rules, answers and what is known.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

from expert.consultation.moments import Consultation, Moment
from expert.consultation.naming import Ambiguous
from expert.consultation.naming import find as find_by_word
from expert.consultation.page import ScreenAsked
from expert.consultation.replies import ReplyError, read_value
from expert.consultation.what_if import MOST_SHOWN, effect
from facts.answers import read_answer
from facts.assessment import Argument
from facts.case import Observed
from facts.finding_search import find_finding
from facts.problems import UnknownName, did_you_mean
from facts.vocabulary import ChoiceFinding, Finding, QuantityFinding, Value
from knowledge_base.conditions.expression import Expression, Leaf, Named, leaves, names_used
from knowledge_base.conditions.logic import Truth, evaluate_leaf, evaluate_named, residue, supports
from knowledge_base.judging.thresholds import thresholds
from knowledge_base.model import KnowledgeBase, Rule
from reports.words.cleaning import clean
from reports.words.wording import finding_clause, leaf_clause, lower_label, named_clause, quantity_text, tell

_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Meant:
    """What a typed name stands for."""

    kind: str
    id: str


# Names


def find(name: str, moment: Moment, knowledge: KnowledgeBase) -> Meant:
    """Find what a name means: the id or label of a finding, cause, sign or step, or a number on the screen.

    Raises UnknownName.
    """
    wanted = " ".join(name.casefold().replace("_", " ").split())
    if wanted.isdigit() and isinstance(moment.next, ScreenAsked) and 1 <= int(wanted) <= len(moment.next.questions):
        return Meant("finding", moment.next.questions[int(wanted) - 1])
    if wanted == "urgency":
        return Meant("urgency", "urgency")
    known = dict(_names(knowledge))
    if wanted in known:
        return known[wanted]
    if (exact := find_finding(name, knowledge.vocabulary)) is not None:
        return Meant("finding", exact.id)
    starting = {entry for text, entry in known.items() if text.startswith(wanted)}
    if len(starting) == 1:
        return starting.pop()
    try:
        return Meant("finding", find_by_word(name, knowledge.vocabulary).id)
    except Ambiguous as error:
        raise UnknownName(clean(str(error))) from None
    except ReplyError:
        pass
    fix = did_you_mean(wanted, known) or "name a finding, a cause or a warning sign by its id or label"
    raise UnknownName(f"{clean(name)!r} is not known here; {fix}")


def read_assignments(text: str, moment: Moment, knowledge: KnowledgeBase) -> dict[str, Any]:
    """Read NAME=VALUE, or several with commas between, into what was written by finding; None stands for "unknown".

    Names and values may hold commas themselves. Raises ReplyError or UnknownName.
    """
    sign = "=" if "=" in text else " is "
    pieces, begun = [], ""
    for part in re.split("([,;])", text):
        begun += part
        if sign in begun and part not in (",", ";"):
            pieces.append(begun.lstrip(" ,;"))
            begun = ""
    if not pieces:
        raise ReplyError("write NAME=VALUE; the name is that of a finding, or its number on the page")
    # What follows the last value belongs to it.
    pieces[-1] += begun
    answers: dict[str, Any] = {}
    for piece in pieces:
        name, _, value = piece.partition(sign)
        if not name.strip() or not value.strip():
            raise ReplyError(f"found {clean(piece.strip())!r}, expected a name and a value; write NAME=VALUE")
        meant = find(name, moment, knowledge)
        if meant.kind != "finding":
            raise ReplyError(f"only an answer can be changed or supposed, and {meant.id} is a conclusion; name a finding")
        if meant.id in answers:
            raise ReplyError(f"{meant.id} is given twice; keep one of them")
        answers[meant.id] = read_value(knowledge.vocabulary.findings[meant.id], value)
    return answers


def read_suppositions(text: str, moment: Moment, knowledge: KnowledgeBase) -> dict[str, Value]:
    """Read what is to be supposed, as `read_assignments` does. Raises ReplyError or UnknownName."""
    supposed: dict[str, Value] = {}
    for name, written in read_assignments(text, moment, knowledge).items():
        observed = read_answer(knowledge.vocabulary.findings[name], written)
        if observed is None:
            raise ReplyError("an unknown answer changes nothing; write a value")
        supposed[name] = observed.value
    return supposed


def _names(knowledge: KnowledgeBase) -> Iterator[tuple[str, Meant]]:
    groups: tuple[tuple[str, Mapping[str, object]], ...] = (
        ("step", knowledge.next_steps),
        ("finding", knowledge.vocabulary.findings),
        ("sign", knowledge.warning_signs),
        ("cause", knowledge.causes),
    )
    for kind, group in groups:
        for entry_id, entry in group.items():
            yield entry_id.replace("_", " ").casefold(), Meant(kind, entry_id)
            label = getattr(entry, "label", None)
            if label:
                yield str(label).casefold(), Meant(kind, entry_id)


# Why is this asked?


def why(moment: Moment, name: str, consultation: Consultation) -> list[str]:
    """Say which rules a question serves, what is already known of them, and what each answer would do."""
    knowledge = consultation.knowledge
    finding = knowledge.vocabulary.findings[name]
    lines = [f"WHY {finding.question}"]
    if name in moment.known.values:
        lines.append(f"It is answered: {finding_clause(finding, moment.known.values[name])}.")
    serving = list(_serving(moment, name, consultation))
    values = moment.known.values
    for rule in serving[:MOST_SHOWN]:
        lines.append(f"  · for {_target(rule, knowledge)}")
        rest = residue(rule.condition, partial(evaluate_leaf, values=values), knowledge.conditions)
        if not isinstance(rest, bool):
            lines.append(f"      still needed: {_shortened(clean(tell(rest, knowledge)))}")
        known = _known_of(rule, moment.told.case.findings, knowledge)
        lines.append(f"      already known: {'; '.join(known) or 'nothing of it'}")
    if len(serving) > MOST_SHOWN:
        lines.append(f"  … and for {len(serving) - MOST_SHOWN} further rules")
    if not serving:
        lines.append("  No rule waits for it: no answer to it could change the urgency or a cause.")
    lines.append("What an answer would do:")
    for told, answer in _answers(finding, knowledge):
        lines.append(f"  · {told}: {effect(moment, {name: answer}, consultation)}")
    return lines


def why_screen(moment: Moment, asked: ScreenAsked, consultation: Consultation) -> list[str]:
    """Say why a screen is asked: what each of its questions could still change most."""
    knowledge, prospect = consultation.knowledge, moment.prospect
    levels = list(knowledge.levels)
    lines = [f"WHY {asked.screen.label}"]
    if asked.asks_medicines:
        lines.append("  One list answers every question about medicines; what is on no list is not taken.")
    for place, name in enumerate(asked.questions, start=1):
        parts = []
        if name in prospect.raising:
            parts.append(f"could raise the urgency to {knowledge.levels[levels[prospect.raising[name]]].label}")
        if name in prospect.deciding:
            count = prospect.deciding[name]
            parts.append(f"could decide {count} cause{'s' * (count != 1)}")
        said = ", ".join(parts) or "part of the story"
        lines.append(f"  {place:>2} {knowledge.vocabulary.findings[name].label}: {said}")
    return [*lines, "  why N says more of one question."]


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


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rsplit(' ', 1)[0]} …"


def _target(rule: Rule, knowledge: KnowledgeBase) -> str:
    if rule.kind == "warns":
        level = lower_label(knowledge.levels[rule.level or ""].label) if rule.level else ""
        return f"the warning sign “{knowledge.warning_signs[rule.target].label}” ({level})"
    verb = {"confirms": "would prove", "supports": "would support", "opposes": "would oppose", "excludes": "would exclude"}
    return f"“{knowledge.causes[rule.target].label}”, which it {verb[rule.kind]}"


def _known_of(rule: Rule, findings: Mapping[str, Observed], knowledge: KnowledgeBase) -> list[str]:
    names = dict.fromkeys(leaf.finding for leaf in _all_leaves(rule.condition, knowledge))
    return [_clause(knowledge.vocabulary.findings[name], findings[name]) for name in names if name in findings][:4]


def _clause(finding: Finding, observed: Observed) -> str:
    return clean(finding_clause(finding, observed.value, observed.given))


def _all_leaves(tree: Expression, knowledge: KnowledgeBase) -> Iterator[Leaf]:
    yield from leaves(tree)
    for name in names_used(tree):
        if name in knowledge.definitions:
            yield from _all_leaves(knowledge.conditions[name], knowledge)


def _answers(finding: Finding, knowledge: KnowledgeBase) -> Iterator[tuple[str, Value]]:
    """Return an answer of every sort that the knowledge tells apart."""
    if isinstance(finding, ChoiceFinding):
        yield from ((choice.replace("_", " "), choice) for choice in finding.choices)
    elif isinstance(finding, QuantityFinding):
        trees = [*(rule.condition for rule in knowledge.rules.values()), *knowledge.conditions.values()]
        edges = [finding.range[0], *thresholds(trees).get(finding.id, ()), finding.range[1]]
        for low, high in pairwise(edges):
            if low < high:
                between = f"between {quantity_text(finding, low)} and {quantity_text(finding, high)}"
                yield between, (low + high) / 2
    else:
        yield from (("yes", True), ("no", False))


# How was it concluded, and why not?


def how(moment: Moment, named: Meant, consultation: Consultation) -> list[str]:
    """Say how a conclusion was reached: every argument for and against, with what it rests on and its source."""
    knowledge, assessment = consultation.knowledge, moment.assessment
    if named.kind == "urgency":
        level = knowledge.levels[assessment.urgency.level].label
        return [f"HOW urgency: {level}", *(f"  · {clean(reason)}" for reason in assessment.urgency.because)]
    if named.kind == "finding":
        finding = knowledge.vocabulary.findings[named.id]
        observed = moment.told.case.findings.get(named.id)
        if observed is None:
            state = "answered “unknown”" if named.id in moment.told.unknown else "not asked"
            return [f"HOW {finding.label}: {state}."]
        origin = f" (from {clean(observed.origin)})" if observed.origin else " (answered)"
        return [f"HOW {finding.label}: {_clause(finding, observed)}{origin}."]
    if named.kind == "sign":
        for sign in assessment.warning_signs:
            if sign.id == named.id:
                head = f"HOW “{sign.label}” ({lower_label(knowledge.levels[sign.level].label)})"
                return [head, *_arguments("!", sign.arguments)]
        return [f"“{knowledge.warning_signs[named.id].label}” was not concluded; ask: why not {named.id}"]
    if named.kind == "step":
        for step in assessment.next_steps:
            if step.id == named.id:
                return [f"HOW “{step.do}”", f"  · {clean(step.because)} [{step.source}]"]
        return [f"“{knowledge.next_steps[named.id].do}” is not advised."]
    cause = next(cause for cause in assessment.causes if cause.id == named.id)
    lines = [f"HOW “{cause.label}”: {lower_label(knowledge.grading.standings[cause.standing])}"]
    lines += [*_arguments("+", cause.arguments_for), *_arguments("-", cause.arguments_against)]
    return lines if len(lines) > 1 else [*lines, "  Nothing is known for or against it."]


def _arguments(mark: str, arguments: Iterable[Argument]) -> Iterator[str]:
    for argument in arguments:
        weight = argument.strength or ("decisive" if argument.kind in ("confirms", "excludes") else "")
        yield f"  {mark} {clean(argument.because)}{f' ({weight})' if weight else ''}"
        yield f"      based on: {clean('; '.join(used.says for used in argument.findings))}"
        yield f"      rule {argument.rule}; source: {argument.source}"


def why_not(moment: Moment, named: Meant, consultation: Consultation) -> list[str]:
    """Say of each argument for a conclusion why it does not hold: which condition fails, or is unknown."""
    knowledge = consultation.knowledge
    if named.kind not in ("cause", "sign"):
        return [f"Ask this of a cause or a warning sign; {named.id} is neither."]
    declared = knowledge.causes[named.id] if named.kind == "cause" else knowledge.warning_signs[named.id]
    values = moment.known.values
    truths = evaluate_named(knowledge.conditions, values)
    lines = [f"WHY NOT “{declared.label}”"]
    judge = consultation.questioner.judge
    judgement = judge(values)
    against: list[str] = []
    for rule in declared.rules:
        truth = judgement.truth(judge.position[rule.id])
        if rule.kind in ("opposes", "excludes"):
            if truth:
                against.append(f"  - {rule.kind}: {clean(tell(rule.condition, knowledge))}")
            continue
        if truth is True:
            lines.append(f"  + {rule.id} holds: {clean(tell(rule.condition, knowledge))}")
        elif truth is False:
            failing = dict.fromkeys(_failing(rule.condition, values, truths, knowledge))
            lines.append(f"  x {rule.id} fails: {clean('; '.join(failing))}")
        else:
            rest = residue(rule.condition, partial(evaluate_leaf, values=values), knowledge.conditions)
            told = "something unknown" if isinstance(rest, bool) else tell(rest, knowledge)
            lines.append(f"  ? {rule.id} is open: it needs {clean(told)}")
    return lines + against


def _failing(
    condition: Expression, values: Mapping[str, Value], truths: Mapping[str, Truth], knowledge: KnowledgeBase
) -> Iterator[str]:
    for part, truth in supports(condition, values, truths):
        if isinstance(part, Named):
            yield named_clause(part.name, truth, knowledge)
        else:
            yield leaf_clause(part, truth, knowledge)
