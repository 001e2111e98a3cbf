"""The warning signs that hold, and the verdict as it is reported: what is decided, what is open, and what is awaited."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from expert.inference.arguing import Arguments
from expert.inference.verdict import ASKED_BY, Verdict, Verdicts
from facts.assessment import Argument, OpenFindings, OpenWarning, StepAdvised, Urgency, WarningSignFound
from facts.language.speaking import say
from facts.vocabulary import Value
from knowledge_base.interview import MEDICINES
from knowledge_base.judging.judgement import Judge, Judgement
from knowledge_base.model import KnowledgeBase


class UrgencyTables:
    """What the urgency of every case is read from, for one knowledge base."""

    def __init__(self, knowledge: KnowledgeBase, judge: Judge) -> None:
        self.knowledge, self.judge = knowledge, judge
        self.verdicts = Verdicts(knowledge, judge)
        self.levels, self.rank = tuple(knowledge.levels), knowledge.level_rank
        self.open_warning = lru_cache(maxsize=16_384)(self._open_warning)
        asked = [name for screen in knowledge.interview.screens.values() for name in screen.ask]
        in_order = dict.fromkeys([*asked, *knowledge.vocabulary.findings])
        self.interview_place: Mapping[str, int] = {name: place for place, name in enumerate(in_order)}

    def level(self, judgement: Judgement) -> str:
        """Return the level that is known to be demanded."""
        return self.verdicts.level(judgement)

    def find_signs(self, judgement: Judgement, arguments: Arguments) -> tuple[WarningSignFound, ...]:
        """Return the warning signs that hold, the highest level first, each with what lowers the level that it demands."""
        true, position = judgement.true, self.judge.position
        by_sign: dict[str, list[tuple[int, Argument]]] = {}
        for rule, rank in self.verdicts.demanded(judgement):
            fired = by_sign.setdefault(rule.target, [])
            fired.append((rank, arguments.argument(rule, self.levels[rank])))
            lowering = [entry for entry in self.knowledge.downgrades.get(rule.id, ()) if true[position[entry.id]]]
            fired += [(rank, arguments.argument(entry, entry.level)) for entry in lowering]
        found = []
        for name, fired in by_sign.items():
            rank, worst = fired[0]
            label = self.knowledge.warning_signs[name].label
            every = tuple([argument for _, argument in fired])
            found.append((rank, WarningSignFound(name, label, self.levels[rank], worst.because, worst.source, every)))
        return tuple(sign for _, sign in sorted(found, key=lambda entry: (-entry[0], entry[1].id)))

    def conclude(
        self,
        verdict: Verdict,
        signs: Sequence[WarningSignFound],
        steps: Sequence[StepAdvised],
        values: Mapping[str, Value],
        not_known: Sequence[str],
    ) -> Urgency:
        """Return the verdict as it is reported, given the signs that hold and the steps of the plan."""
        because = tuple(sign.because for sign in signs if sign.level == verdict.level)
        open_ = self._open(verdict, values)
        tests = frozenset(open_.test)
        return Urgency(
            level=verdict.level,
            ceiling=verdict.ceiling,
            decided=not open_.history and not open_.examination,
            could_rise_to=verdict.could_rise_to,
            open=open_,
            not_known=tuple(name for name in not_known if name not in values),
            awaiting=tuple(step.id for step in steps if not step.done and not tests.isdisjoint(step.answers)),
            because=because or (say("No warning sign is known."),),
            could_rise=self.could_rise(verdict),
        )

    def could_rise(self, verdict: Verdict) -> tuple[OpenWarning, ...]:
        """Return the pertinent dangers that are open, as they are reported."""
        return tuple([self.open_warning(danger.rule.id, danger.level, danger.bits) for danger in verdict.open])

    def is_decided(self, verdict: Verdict, values: Mapping[str, Value]) -> bool:
        """Return whether nothing is open to history or examination that could raise the urgency."""
        open_ = self._open(verdict, values)
        return not open_.history and not open_.examination

    def can_be_put(self, name: str, values: Mapping[str, Value]) -> bool:
        """Return whether a question makes sense: what hangs on another finding is asked when that is known to be present."""
        finding = self.knowledge.vocabulary.findings.get(name)
        return finding is None or finding.requires is None or values.get(finding.requires) is True

    def _open(self, verdict: Verdict, values: Mapping[str, Value]) -> OpenFindings:
        bits = 0
        for danger in verdict.open:
            bits |= danger.bits
        by: dict[str, dict[str, None]] = {kind: {} for kind in ASKED_BY}
        for name in sorted(self.judge.findings_of(bits), key=self.interview_place.__getitem__):
            if name in self.verdicts.listed:
                by["history"][MEDICINES] = None
            elif self.can_be_put(name, values):
                by[self.verdicts.asked_by[name]][name] = None
        return OpenFindings(*(tuple(by[kind]) for kind in ASKED_BY))

    def _open_warning(self, name: str, level: str, bits: int) -> OpenWarning:
        return OpenWarning(self.knowledge.rules[name].target, name, level, self.judge.findings_of(bits))
