"""What readings that nobody vouches for would set off: warnings, and nothing else.

A case is judged again with each of them taken as known, and with all of them together. Only the warning signs that hold then,
and not by what is verified, come of it: nothing is made false, excluded or less urgent by a result that may be wrong.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from facts.case import Case, Contradiction, Observed, Unverified, complete
from knowledge_base.judging.judgement import Judge, Judgement
from knowledge_base.model import KnowledgeBase, Rule


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A warning rule that holds if unverified readings are right; what is then known, and how everything is judged.

    `level` is what the rule demands, less the downgrades that hold by what is verified.
    """

    rule: Rule
    level: str
    readings: tuple[Unverified, ...]
    findings: Mapping[str, Observed]
    judgement: Judgement


def suspicions(case: Case, verified: Judgement, judge: Judge, knowledge: KnowledgeBase) -> Iterator[Suspicion]:
    """Return each warning rule that only unverified readings set off, in the order of the knowledge."""
    if not case.unverified:
        return
    warnings = [rule for sign in knowledge.warning_signs.values() for rule in sign.rules]
    silent = [rule for rule in warnings if not verified.true[judge.position[rule.id]]]
    found: dict[str, Suspicion] = {}
    levels = tuple(knowledge.levels)

    def level(rule: Rule) -> str:
        return levels[knowledge.rank_demanded(rule, lambda entry: bool(verified.true[judge.position[entry.id]]))]

    def suppose(rule: Rule, readings: tuple[Unverified, ...]) -> Suspicion | None:
        findings = _supposed(case, readings, knowledge)
        judgement = judge({name: observed.value for name, observed in findings.items()})
        holds = judgement.true[judge.position[rule.id]]
        return Suspicion(rule, level(rule), readings, findings, judgement) if holds else None

    for readings in _suppositions(case.unverified):
        findings = _supposed(case, readings, knowledge)
        judgement = judge({name: observed.value for name, observed in findings.items()})
        for rule in silent:
            if rule.id not in found and judgement.true[judge.position[rule.id]]:
                supposed = Suspicion(rule, level(rule), readings, findings, judgement)
                found[rule.id] = _without_idle(supposed, suppose)
    yield from (found[rule.id] for rule in silent if rule.id in found)


def _without_idle(suspicion: Suspicion, suppose: Callable[[Rule, tuple[Unverified, ...]], Suspicion | None]) -> Suspicion:
    """Leave out the readings without which the rule holds all the same."""
    for reading in suspicion.readings:
        if len(suspicion.readings) > 1:
            fewer = tuple(one for one in suspicion.readings if one is not reading)
            suspicion = suppose(suspicion.rule, fewer) or suspicion
    return suspicion


def _suppositions(unverified: tuple[Unverified, ...]) -> Iterator[tuple[Unverified, ...]]:
    """Return each reading by itself, then one of every finding together: the first of each, the second of each, and so on."""
    by_finding: dict[str, list[Unverified]] = {}
    for reading in unverified:
        yield (reading,)
        by_finding.setdefault(reading.finding, []).append(reading)
    if len(by_finding) > 1:
        for number in range(max(map(len, by_finding.values()))):
            yield tuple(readings[min(number, len(readings) - 1)] for readings in by_finding.values())


def _supposed(case: Case, readings: tuple[Unverified, ...], knowledge: KnowledgeBase) -> Mapping[str, Observed]:
    findings = {**case.findings, **{reading.finding: reading.observed for reading in readings}}
    try:
        return complete(knowledge.vocabulary, knowledge.dictionary, findings)[0]
    except Contradiction:
        # A warning is not lost because something else is at odds with the reading.
        return findings
