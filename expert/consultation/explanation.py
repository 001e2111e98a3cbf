"""What a consultation answers when it is asked back: why this question, how that conclusion, why not another, what if.

Every answer is plain lines of text, made from the same judgement as the conclusions themselves. Longer than other modules:
the four questions share how they name rules, answers and what is known.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType

from expert.consultation.moments import Consultation, Moment
from expert.consultation.next_question import ScreenAsked
from expert.inference.assessing import Assessor, ContradictoryCase
from facts.assessment import Argument, Assessment
from facts.case import Case, Observed
from facts.problems import did_you_mean
from facts.vocabulary import ChoiceFinding, Finding, QuantityFinding, Value
from knowledge_base.expression import Compared, Expression, Leaf, Named, leaves, names_used
from knowledge_base.logic import Truth, evaluate_named, residue, supports
from knowledge_base.model import KnowledgeBase, Rule
from reports.view import clean
from reports.wording import finding_clause, leaf_clause, named_clause, quantity_text, tell, value_text

_RULES_TOLD = 5
_LONGEST = 300
_SUPPOSED = "supposed"


class UnknownName(ValueError):
    """A name that stands for nothing that can be asked about; the text suggests what was meant."""


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
    starting = {entry for text, entry in known.items() if text.startswith(wanted)}
    if len(starting) == 1:
        return starting.pop()
    fix = did_you_mean(wanted, known) or "name a finding, a cause or a warning sign by its id or label"
    raise UnknownName(f"{clean(name)!r} is not known here; {fix}")


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
    truths = evaluate_named(knowledge.conditions, values)
    for rule in serving[:_RULES_TOLD]:
        lines.append(f"  · for {_target(rule, knowledge)}")
        rest = residue(rule.condition, values, truths, knowledge.conditions)
        if rest is not None and not isinstance(rest, bool):
            lines.append(f"      still needed: {_shortened(clean(tell(rest, knowledge)))}")
        known = _known_of(rule, moment.told.case.findings, knowledge)
        lines.append(f"      already known: {'; '.join(known) or 'nothing of it'}")
    if len(serving) > _RULES_TOLD:
        lines.append(f"  … and for {len(serving) - _RULES_TOLD} further rules")
    if not serving:
        lines.append("  No rule waits for it: no answer to it could change the urgency or a cause.")
    lines.append("What an answer would do:")
    for told, answer in _answers(finding, knowledge):
        lines.append(f"  · {told}: {_effect(moment, {name: answer}, consultation)}")
    return lines


def why_screen(moment: Moment, asked: ScreenAsked, consultation: Consultation) -> list[str]:
    """Say why a screen is asked: what each of its questions could still change most."""
    knowledge, prospect = consultation.knowledge, moment.prospect
    levels = list(knowledge.levels)
    lines = [f"WHY {asked.screen.label}"]
    if asked.screen.medicines:
        return [*lines, "  One list answers every question about medicines; what is on no list is not taken."]
    for place, name in enumerate(asked.questions, start=1):
        parts = []
        if name in prospect.raising:
            parts.append(f"could raise the urgency to {knowledge.levels[levels[prospect.raising[name]]].label}")
        if name in prospect.deciding:
            count = prospect.deciding[name]
            parts.append(f"could decide {count} cause{'s' * (count != 1)}")
        lines.append(f"  {place:>2} {knowledge.vocabulary.findings[name].label}: {', '.join(parts)}")
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
        level = knowledge.levels[rule.level or ""].label.lower() if rule.level else ""
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
        marks = {
            leaf.threshold
            for tree in trees
            for leaf in leaves(tree)
            if isinstance(leaf, Compared) and leaf.finding == finding.id
        }
        edges = [finding.range[0], *sorted(marks), finding.range[1]]
        for low, high in pairwise(edges):
            if low < high:
                between = f"between {quantity_text(finding, low)} and {quantity_text(finding, high)}"
                yield between, (low + high) / 2
    else:
        yield from (("yes", True), ("no", False))


# What if?


def what_if(moment: Moment, answers: Mapping[str, Value], consultation: Consultation) -> list[str]:
    """Say what other answers would change, without recording them."""
    after = _assessed_with(moment, answers, consultation.assessor)
    if after is None:
        return ["These answers contradict what is known."]
    findings = consultation.knowledge.vocabulary.findings
    said = "; ".join(f"{findings[name].label}: {value_text(findings[name], value)}" for name, value in answers.items())
    return [
        f"WHAT IF {said}",
        *(f"  · {line}" for line in difference(moment.assessment, after, consultation.knowledge) or ["Nothing changes."]),
    ]


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
            lines.append(f"{cause.label}: {grading.standings[old].lower()} → {grading.standings[cause.standing].lower()}")
    return lines


def _effect(moment: Moment, answers: Mapping[str, Value], consultation: Consultation) -> str:
    after = _assessed_with(moment, answers, consultation.assessor)
    if after is None:
        return "contradicts what is known"
    changes = difference(moment.assessment, after, consultation.knowledge)
    closed = _closed(moment, answers, consultation)
    if not changes:
        return f"{closed or 'nothing changes by itself'}"
    return "; ".join(changes[:_RULES_TOLD]) + ("; …" if len(changes) > _RULES_TOLD else "")


def _closed(moment: Moment, answers: Mapping[str, Value], consultation: Consultation) -> str:
    judge = consultation.questioner.judge
    before, after = judge(moment.known.values), judge({**moment.known.values, **answers})
    count = sum(
        1
        for rule in consultation.knowledge.rules.values()
        if rule.kind != "advises" and before.missing[judge.position[rule.id]] and after.truth(judge.position[rule.id]) is False
    )
    return f"rules out {count} argument{'s' * (count != 1)}" if count else ""


def _assessed_with(moment: Moment, answers: Mapping[str, Value], assessor: Assessor) -> Assessment | None:
    try:
        return assessor.assess(_supposed(moment.told.case, answers, assessor.knowledge))
    except ContradictoryCase:
        return None


def _supposed(case: Case, answers: Mapping[str, Value], knowledge: KnowledgeBase) -> Case:
    """Return the case as if these answers were given too, with what they imply, and without what they leave meaningless."""
    findings = knowledge.vocabulary.findings
    supposed = {**case.findings, **{name: Observed(value, origin=_SUPPOSED) for name, value in answers.items()}}
    for name, value in answers.items():
        needed = findings[name].requires
        while value is not False and needed is not None:
            supposed[needed] = Observed(True, origin=_SUPPOSED)
            needed = findings[needed].requires
    kept = {name: supposed[name] for name in findings if name in supposed and not _is_meaningless(name, supposed, knowledge)}
    return replace(case, findings=MappingProxyType(kept))


def _is_meaningless(name: str, supposed: Mapping[str, Observed], knowledge: KnowledgeBase) -> bool:
    needed = knowledge.vocabulary.findings[name].requires
    return needed is not None and (
        (needed in supposed and supposed[needed].value is False) or _is_meaningless(needed, supposed, knowledge)
    )


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
                head = f"HOW “{sign.label}” ({knowledge.levels[sign.level].label.lower()})"
                return [head, *_arguments("!", sign.arguments)]
        return [f"“{knowledge.warning_signs[named.id].label}” was not concluded; ask: why not {named.id}"]
    if named.kind == "step":
        for step in assessment.next_steps:
            if step.id == named.id:
                return [f"HOW “{step.do}”", f"  · {clean(step.because)} [{step.source}]"]
        return [f"“{knowledge.next_steps[named.id].do}” is not advised."]
    cause = next(cause for cause in assessment.causes if cause.id == named.id)
    lines = [f"HOW “{cause.label}”: {knowledge.grading.standings[cause.standing].lower()}"]
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
            rest = residue(rule.condition, values, truths, knowledge.conditions)
            told = tell(rest, knowledge) if rest is not None and not isinstance(rest, bool) else "something unknown"
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
