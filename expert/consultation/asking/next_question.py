"""What a consultation asks next, and when it may stop: both follow from what the answers not yet given could still change.

An answer is asked for only if it could still raise the urgency, lift another cause to *likely*, or move the leading one. When
there is none, the consultation stops with a certificate, which is sound: no completion of what was not asked contradicts it.
What was answered "unknown" stays unknown, and the certificate names what it keeps open.

Longer than other modules: what to ask and the certificate read the same outlook, and must not come to differ.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

from expert.consultation.asking.page import ScreenAsked
from expert.consultation.asking.paging import Paging
from expert.consultation.asking.prospect import Known, Prospect
from expert.inference.verdict import Verdicts
from facts.quantities import Interval
from facts.requirements import ancestors
from knowledge_base.grading import Tally
from knowledge_base.interview import told_by_lists
from knowledge_base.judging.judgement import Judge, Judgement, Lookout, Outlook
from knowledge_base.model import Cause, KnowledgeBase


@dataclass(frozen=True, slots=True)
class KeptOpen:
    """A conclusion that only answers of "unknown" or numbers known in part keep open, what it could become, and those."""

    conclusion: str
    could_be: str
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Certificate:
    """Why a consultation stopped: nothing pertinent is left to ask, or (`thorough`) nothing at all that could change it.

    `remaining` counts the questions that were never asked. None of them can show a danger that was pertinent, nor change which
    of the causes leads that something supported; in a thorough consultation, no danger and no cause at all.

    Of the findings that keep a conclusion open, those in `inexact` are known in part: their exact figure could decide it.
    """

    urgency: str
    leading: str | None
    remaining: int
    kept_open: tuple[KeptOpen, ...]
    thorough: bool = False
    inexact: frozenset[str] = frozenset()
    looked_for: tuple[int, int] = (0, 0)
    """How many warning signs were looked for, and how many were not, because nothing suggests them."""


class Questioner:
    """Decides what to ask, for one knowledge base. Thread-safe once made."""

    def __init__(self, knowledge: KnowledgeBase, judge: Judge, verdicts: Verdicts, *, thorough: bool = False) -> None:
        """`thorough` asks whatever could change anything; otherwise only what is pertinent is asked."""
        self.knowledge, self.judge, self.verdicts, self.thorough = knowledge, judge, verdicts, thorough
        self.rank = knowledge.level_rank
        findings = knowledge.vocabulary.findings
        self.ancestors = {name: ancestors(name, findings) for name in findings}
        self.listed = told_by_lists(knowledge.vocabulary, knowledge.dictionary)
        position = judge.position
        self.arguments = [
            (cause, [_Argument(position[rule.id], rule.counts_as, Tally._fields.index(rule.counts_as)) for rule in cause.rules])
            for cause in knowledge.causes.values()
        ]
        # What picks the truths of a cause's rules (twice the last, so that a tuple comes of a single one too), and their names.
        self.looking_at = [
            (
                itemgetter(*(one.position for one in rules), rules[-1].position) if rules else _nothing,
                tuple(rule.id for rule in cause.rules),
            )
            for cause, rules in self.arguments
        ]
        grading = knowledge.grading
        self.is_moot = not thorough and not grading.at_least(grading.standing(Tally()), grading.considered)
        """Whether a cause that nothing argues about is never asked for."""
        self.tests = frozenset(name for name, by in verdicts.asked_by.items() if by == "test")
        self.paging = Paging(knowledge, self.listed)
        self.lifting = lru_cache(maxsize=16_384)(self._lifting)
        self.bit = {name: 1 << place for place, name in enumerate(knowledge.vocabulary.findings)}

    def required(self, name: str) -> frozenset[str]:
        """Return what has to be so for a finding to be asked for."""
        return frozenset(self.ancestors[name])

    # What may be asked

    def answerable(self, known: Known) -> frozenset[str]:
        """Return the findings that can still become known: neither known nor "unknown", nor hanging on one that is."""
        closed = {*known.unknown, *(name for name, value in known.values.items() if value is False)}
        if known.lists_asked:
            closed |= self.listed - known.values.keys()
        if known.no_more_results:
            closed |= self.tests - known.values.keys()
        return frozenset(
            name
            for name, required in self.ancestors.items()
            if name not in known.values and name not in closed and closed.isdisjoint(required)
        )

    def next_screen(self, known: Known, shown: Sequence[str], prospect: Prospect) -> ScreenAsked | Certificate:
        """Return the page to show next, or the certificate that nothing left to ask can change a conclusion.

        `shown` are the screens that named the pages that were shown already, `prospect` is that of what is known.
        """
        opening = self.paging.opening(known, shown, prospect)
        if opening is not None:
            return opening
        return self.paging.page(known, prospect, self._ahead) or self.certificate(known, prospect)

    def _ahead(self, known: Known) -> Prospect:
        return self.prospect(known, self.judge(known.values))

    # What can still change

    def prospect(self, known: Known, judgement: Judgement) -> Prospect:
        """Look ahead: which answers could still raise the urgency, lift a cause to likely, or move the leading one.

        `judgement` is that of what is known.
        """
        answerable = self.answerable(known)
        if not self.thorough:
            answerable &= self.verdicts.answerable(known.values, judgement)
        lookout = self.judge.lookout(known.values, answerable)
        floor = self.rank[self.verdicts.level(judgement)]
        raising: dict[str, int] = {}
        targets: dict[str, dict[str, None]] = {}
        weight: dict[str, int] = {}
        nearest: dict[str, int] = {}
        for rank, target, bits in self._dangers(judgement, lookout.at_dangers()):
            for name in self.judge.findings_of(bits):
                raising.setdefault(name, rank)
                weight[name] = weight.get(name, 0) + 1
                if bits.bit_count() == 1:
                    nearest[name] = nearest.get(name, 0) + 1
                targets.setdefault(name, {})[target] = None
        races, unsettled, beside = self._causes(judgement, lookout)
        deciding: dict[str, int] = {}
        for cause, bits in unsettled.items():
            for name in self.judge.findings_of(bits):
                deciding[name] = deciding.get(name, 0) + 1
                targets.setdefault(name, {})[cause] = None
        if not self.thorough and not races and floor < len(self.rank) - 1:
            # Nobody is left without a likely cause before everything was asked that everybody is asked.
            deciding.update(dict.fromkeys(self.knowledge.interview.always & answerable - raising.keys() - deciding.keys(), 0))
        wanted = sum(self.bit[name] for name in raising.keys() | deciding.keys())
        return Prospect(
            urgency=list(self.rank)[floor],
            raising=raising,
            deciding=deciding,
            open_causes=tuple(unsettled),
            leading=races[0].cause.id if races else None,
            answerable=answerable,
            beside=frozenset(self.judge.findings_of(beside)),
            targets={name: tuple(found) for name, found in targets.items()},
            weight=weight,
            nearest=nearest,
            later=frozenset(name for name, position in self.verdicts.only_if.items() if judgement.missing[position] & wanted),
        )

    def _dangers(self, judgement: Judgement, outlook: Outlook) -> Iterator[tuple[int, str, int]]:
        """Return the ranks that the urgency could rise to, the highest first, with the sign and what could raise it."""
        if self.thorough:
            floor, true = self.rank[self.verdicts.level(judgement)], judgement.true
            for danger in self.verdicts.dangers:
                rank = danger.rank_here(true)
                if rank > floor and outlook.wanted[danger.in_outlook]:
                    yield rank, danger.rule.target, outlook.wanted[danger.in_outlook]
            return
        for open_ in self.verdicts.open_dangers(judgement, outlook):
            yield self.rank[open_.level], open_.rule.target, open_.bits
        yield from self._beside_a_danger(judgement, outlook)

    def _beside_a_danger(self, judgement: Judgement, outlook: Outlook) -> Iterator[tuple[int, str, int]]:
        """Return, once a danger of the highest level shows, the others of that level that one answer would show beside it.

        Each has a first action of its own: a high temperature, say, where there are confusion and fever.
        """
        true, highest = judgement.true, len(self.rank) - 1
        shown = {danger.rule.target for danger in self.verdicts.dangers if true[danger.position] and danger.rank == highest}
        for danger in self.verdicts.dangers if shown else ():
            bits = outlook.wanted[danger.in_outlook]
            sought = danger.look_for is not None and true[danger.look_for] and danger.rule.target not in shown
            if danger.rank_here(true) == highest and sought and bits.bit_count() == 1:
                yield highest, danger.rule.target, bits

    def _causes(self, judgement: Judgement, lookout: Lookout) -> tuple[list["_Race"], dict[str, int], int]:
        """Return the likely causes in their order, the causes that are not settled with what settles them, and `beside`."""
        grading, ranking = self.knowledge.grading, self.knowledge.ranking
        races: list[_Race] = []
        rising: list[tuple[Cause, list[_Argument], Mapping[int, int], Tally, Tally]] = []
        unsettled: dict[str, int] = {}
        beside = 0
        for (cause, rules), (truths, names) in zip(self.arguments, self.looking_at, strict=True):
            if self.is_moot and not any(truths(judgement.true)):
                # Nothing known speaks for it or against it, so nobody asks for it.
                continue
            fired, _ = _count(rules, judgement.true, {})
            standing = grading.standing(fired)
            is_likely = grading.at_least(standing, grading.likely)
            if not (self.thorough or is_likely or grading.at_least(standing, grading.considered)):
                # Nothing known supports it, so nobody asks for it.
                continue
            wanted: Mapping[int, int] = dict(zip((rule.position for rule in rules), lookout.at(names).wanted, strict=True))
            fired, open_ = _count(rules, judgement.true, wanted)
            if is_likely:
                bounds = ranking.worst(cause.id, fired, open_), ranking.best(cause.id, fired, open_)
                races.append(_Race(cause, rules, wanted, fired, open_, ranking.place(cause.id, standing, fired), *bounds))
            elif grading.at_least(grading.reachable(fired, open_)[0], grading.likely):
                rising.append((cause, rules, wanted, fired, open_))
        races.sort(key=lambda race: race.place)
        for cause, rules, wanted, fired, open_ in rising:
            if not self.thorough and races and ranking.best(cause.id, fired, open_) > races[0].place:
                # It could become likely, but never lead.
                continue
            unsettled[cause.id] = _bits(rules, wanted, self.lifting(fired, open_))
            if self.thorough and any(fired):
                beside |= _bits(rules, wanted, None)
        for race in self._undecided(races) if self.thorough else self._rivals(races):
            if any(race.open):
                unsettled[race.cause.id] = _bits(race.rules, race.wanted, None if self.thorough else _FOR)
        return races, unsettled, beside

    def _lifting(self, fired: Tally, open_: Tally) -> frozenset[str]:
        """Return the kinds of argument that could by themselves lift a cause to likely; all, where it takes several."""
        grading = self.knowledge.grading
        kinds = {
            kind
            for kind in Tally._fields
            if any(
                grading.at_least(standing, grading.likely)
                for standing in grading.reachable(fired, Tally()._replace(**{kind: getattr(open_, kind)}))
            )
        }
        return frozenset(kinds or Tally._fields)

    # Who leads

    def _undecided(self, races: list["_Race"]) -> list["_Race"]:
        """Return the likely causes between which it is not settled who leads, and the leading one if it could still fall."""
        if not races:
            return []
        grading, leader = self.knowledge.grading, races[0]
        rivals = [race for race in races[1:] if race.best < leader.worst]
        falls = any(not grading.at_least(other, grading.likely) for other in grading.reachable(leader.fired, leader.open))
        return [leader, *rivals] if rivals or falls else []

    def _rivals(self, races: list["_Race"]) -> list["_Race"]:
        """Return the likely causes that could overtake the leading one as it stands."""
        return [race for race in races[1:] if race.best < races[0].place]

    # The certificate

    def certificate(self, known: Known, prospect: Prospect) -> Certificate:
        """Say what is settled, and what only answers of "unknown", or numbers known in part, keep open."""
        return Certificate(
            urgency=prospect.urgency,
            leading=prospect.leading,
            remaining=len(self.answerable(known)),
            thorough=self.thorough,
            kept_open=tuple(self._kept_open(known, prospect)),
            inexact=_inexact(known),
            looked_for=self._looked_for(known),
        )

    def _looked_for(self, known: Known) -> tuple[int, int]:
        """Count the warning signs of which a danger was looked for, and the others."""
        judgement = self.judge(known.values)
        sought = {
            danger.rule.target
            for danger in self.verdicts.dangers
            if danger.look_for is None or judgement.true[danger.look_for] or judgement.true[danger.position]
        }
        return len(sought), len(self.knowledge.warning_signs.keys() - sought)

    def _kept_open(self, known: Known, prospect: Prospect) -> Iterator[KeptOpen]:
        judgement, grading = self.judge(known.values), self.knowledge.grading
        floor, levels = self.rank[prospect.urgency], list(self.rank)
        by_rank: dict[int, int] = {}
        for danger in self.verdicts.dangers:
            rank, missing = danger.rank_here(judgement.true), judgement.missing[danger.position]
            pertinent = self.thorough or danger.look_for is None or judgement.true[danger.look_for]
            if rank > floor and missing and pertinent:
                by_rank[rank] = by_rank.get(rank, 0) | missing
        for rank in sorted(by_rank, reverse=True):
            names = self._only_unknown(by_rank[rank], known)
            if names:
                yield KeptOpen("urgency", levels[rank], names)
        for cause, rules in self.arguments:
            fired, open_ = _count(rules, judgement.true, judgement.missing)
            if grading.at_least(grading.standing(fired), grading.likely):
                continue
            likely = [other for other in grading.reachable(fired, open_) if grading.at_least(other, grading.likely)]
            if not self.thorough and not grading.at_least(grading.standing(fired), grading.considered):
                continue
            names = self._only_unknown(_bits(rules, judgement.missing, self.lifting(fired, open_)), known)
            if likely and names:
                yield KeptOpen(cause.id, likely[0], names)

    def _awaited(self, known: Known) -> frozenset[str]:
        """Return the tests that are not available and that a step orders; in a thorough consultation, all."""
        if self.thorough:
            return self.tests
        return self.tests & self.verdicts.answerable(known.values, self.judge(known.values))

    def _only_unknown(self, bits: int, known: Known) -> tuple[str, ...]:
        """Return those findings that were answered "unknown" or in part; what hangs on one of them was never asked."""
        lists = self.listed if known.lists_asked else frozenset()
        results = self._awaited(known) if known.no_more_results else frozenset()
        closed = known.unknown | lists | results | _inexact(known)
        return tuple(name for name in self.judge.findings_of(bits) if name in closed)


_ByPosition: TypeAlias = Sequence[int] | Mapping[int, int]
"""Bits of findings, by the position of a condition."""
_FOR = frozenset(kind for kind in Tally._fields if kind.startswith(("confirms", "supports")))


def _nothing(_: Sequence[Any]) -> tuple[Any, ...]:
    return ()


class _Argument(NamedTuple):
    """An argument of a cause: where the judge has its condition, what it counts as, and where a tally counts that."""

    position: int
    kind: str
    counter: int


@dataclass(frozen=True, slots=True)
class _Race:
    """A likely cause, with its place in the list, and the worst and the best that it could still take."""

    cause: Cause
    rules: Sequence[_Argument]
    wanted: Mapping[int, int]
    fired: Tally
    open: Tally
    place: int
    worst: int
    best: int


def _inexact(known: Known) -> frozenset[str]:
    return frozenset(name for name, value in known.values.items() if isinstance(value, Interval))


def _count(arguments: Sequence[_Argument], true: Sequence[Any], open_: _ByPosition) -> tuple[Tally, Tally]:
    """Count the arguments that fired, and those that are open, by kind; where it is not given what is open, none is."""
    fired, waiting = [0] * len(Tally._fields), [0] * len(Tally._fields)
    for position, _, counter in arguments:
        if true[position]:
            fired[counter] += 1
        elif open_ and open_[position]:
            waiting[counter] += 1
    return Tally(*fired), Tally(*waiting)


def _bits(arguments: Sequence[_Argument], bits: _ByPosition, kinds: frozenset[str] | None) -> int:
    """Return the findings that arguments of some kinds (None: of any) wait for, as bits."""
    found = 0
    for position, kind, _ in arguments:
        if kinds is None or kind in kinds:
            found |= bits[position]
    return found
