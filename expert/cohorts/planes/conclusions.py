"""What the truths of conditions come to, as planes: levels of urgency, whether the verdict is decided, standings of causes.

Each function says for a cohort what `expert.inference` says for one patient; a generative test holds them together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from expert.cohorts.planes.adders import count_set
from expert.cohorts.planes.assembly import ALL, NONE, Assembly, Plane
from expert.cohorts.planes.truths import Answers, Truth, grade, look_ahead
from expert.inference.verdict import Verdicts
from knowledge_base.conditions.expression import Present
from knowledge_base.grading import Tally
from knowledge_base.judging.judgement import Judge, look_for_key, only_if_key, unless_key
from knowledge_base.model import Cause, KnowledgeBase, Rule

Digits: TypeAlias = tuple[Plane, ...]
"""A number for each row, its lowest digit first."""
Truths: TypeAlias = Mapping[str, Truth]


@dataclass(frozen=True, slots=True)
class Urgencies:
    """Where the urgency, and what it could rise to, is at least each level from the second on; and where it is decided."""

    level: tuple[Plane, ...]
    ceiling: tuple[Plane, ...]
    decided: Plane


@dataclass(frozen=True, slots=True)
class Standings:
    """A cause's standing as its place in listed order, where it is considered, where likely, and how many arguments fired."""

    code: Digits
    considered: Plane
    likely: Plane
    counts: Mapping[str, Digits]


def find_standings(assembly: Assembly, cause: Cause, truths: Truths, knowledge: KnowledgeBase) -> Standings:
    """Grade a cause by the arguments that fired."""
    grading = knowledge.grading
    counts = {
        kind: count_set(assembly, [truths[rule.id].true for rule in cause.rules if rule.counts_as == kind])
        for kind in Tally._fields
    }
    left, where = ALL, dict.fromkeys(grading.standings, NONE)
    for standing, condition in grading.grades:
        holds = assembly.both(left, grade(assembly, condition, counts))
        where[standing] = assembly.either(where[standing], holds)
        left = assembly.unless(left, holds)
    where[grading.otherwise] = assembly.either(where[grading.otherwise], left)
    width = (len(where) - 1).bit_length()
    code = tuple(
        assembly.any(where[standing] for standing, place in grading.order.items() if place >> digit & 1)
        for digit in range(width)
    )
    considered, likely = (
        assembly.any(plane for standing, plane in where.items() if grading.at_least(standing, lowest))
        for lowest in (grading.considered, grading.likely)
    )
    return Standings(code, considered, likely, counts)


def find_urgencies(
    assembly: Assembly, truths: Truths, answers: Answers, judge: Judge, verdicts: Verdicts, knowledge: KnowledgeBase
) -> Urgencies:
    """Return the levels of urgency and whether they are decided."""
    dangers = [_Danger(assembly, rule, truths, knowledge) for sign in knowledge.warning_signs.values() for rule in sign.rules]
    ranks = range(1, len(knowledge.levels))
    level = tuple(
        assembly.any(assembly.both(danger.truth.true, danger.demands[rank]) for danger in dangers if rank in danger.demands)
        for rank in ranks
    )
    ceiling = tuple(
        assembly.any(assembly.unless(danger.demands[rank], danger.truth.false) for danger in dangers if rank in danger.demands)
        for rank in ranks
    )
    can_be_answered = _find_answerable(assembly, truths, answers, verdicts)
    told = _find_told(assembly, answers, verdicts)
    told_by_all = {name: plane for name, plane in told.items() if name in knowledge.interview.always | verdicts.listed}
    ahead = look_ahead(assembly, judge.program_of_dangers, answers, can_be_answered, (told, told_by_all))
    open_ = []
    for danger in dangers:
        higher = assembly.any(assembly.unless(demands, level[rank - 1]) for rank, demands in danger.demands.items())
        name, outlook = danger.rule.id, ahead[danger.rule.id]
        waiting = assembly.both(higher, assembly.unless(outlook.can, danger.truth.true))
        if danger.rule.look_for is None:
            open_.append(assembly.both(waiting, outlook.wanted[0]))
            continue
        looked_for, looking = truths[look_for_key(name)].true, ahead[look_for_key(name)]
        sought = assembly.both(looked_for, outlook.wanted[0])
        # Whether anybody would look for it hangs on what everybody is asked for.
        unsought = assembly.unless(looking.wanted[1], looked_for)
        open_.append(assembly.both(waiting, assembly.either(sought, unsought)))
    return Urgencies(level, ceiling, assembly.inverse(assembly.any(open_)))


class _Danger:
    """A rule of a warning sign: its truth, and by rank where it demands at least that level, should it fire."""

    def __init__(self, assembly: Assembly, rule: Rule, truths: Truths, knowledge: KnowledgeBase) -> None:
        self.rule, self.truth = rule, truths[rule.id]
        lowering = knowledge.downgrades.get(rule.id, ())
        rank_of = knowledge.level_rank
        self.demands = {
            rank: assembly.inverse(
                assembly.any(truths[entry.id].true for entry in lowering if rank_of[entry.level or ""] < rank)
            )
            for rank in range(1, rank_of[rule.level or ""] + 1)
        }


def _find_answerable(assembly: Assembly, truths: Truths, answers: Answers, verdicts: Verdicts) -> dict[str, Plane]:
    """Return where each finding can become known, or known more exactly (see `Verdicts.answerable`)."""
    ordered: dict[str, Plane] = {}
    for step in verdicts.knowledge.next_steps.values():
        if step.answers:
            aside = truths[unless_key(step.id)].true if step.unless is not None else NONE
            orders = assembly.unless(truths[step.id].true, aside)
            for name in step.answers:
                ordered[name] = assembly.either(ordered.get(name, NONE), orders)
    answerable = {}
    for name, by in verdicts.asked_by.items():
        partly = answers.partly(name)
        askable = ALL if by != "test" else assembly.either(ordered.get(name, NONE), partly)
        open_ = assembly.both(askable, assembly.either(assembly.inverse(answers.known(name)), partly))
        if name in verdicts.only_if:
            open_ = assembly.unless(open_, truths[only_if_key(name)].false)
        answerable[name] = open_
    return answerable


def _find_told(assembly: Assembly, answers: Answers, verdicts: Verdicts) -> dict[str, Plane]:
    """Return where a finding can be asked for in history or examination; one that a medicine list tells always can."""
    told = {}
    for name, finding in verdicts.knowledge.vocabulary.findings.items():
        if name in verdicts.listed:
            told[name] = ALL
        elif verdicts.asked_by.get(name) in ("history", "examination"):
            needed = finding.requires
            told[name] = ALL if needed is None else answers.truth(Present(needed)).true
    return told
