"""What stands behind the conclusions about one case: the sentence of each argument, and the findings that it rests on.

The justifications of forward chaining are followed back from a conclusion to the findings, by every way that leads there.
"""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache

from expert.inference.forward_chaining import Derivation
from expert.inference.ground_rules import Derived, GroundRule, Observation
from facts.assessment import Argument, DefinitionUsed, FindingUsed
from facts.case import Case, Observed
from facts.vocabulary import QuantityFinding, Value
from knowledge_base.conditions.logic import Truth
from knowledge_base.judging.judgement import Judge, Judgement
from knowledge_base.model import KnowledgeBase, Rule
from reports.words.wording import Sentence, finding_clause


class ArgumentTables:
    """What the arguments of every case are made of, for one knowledge base."""

    def __init__(self, knowledge: KnowledgeBase, judge: Judge, ground_rules: Sequence[GroundRule]) -> None:
        self.knowledge, self.judge = knowledge, judge
        self.cited = {name: "; ".join(rule.sources) for name, rule in knowledge.rules.items()}
        self.sentence = cache(self._sentence)
        self.bit = {name: 1 << place for place, name in enumerate(knowledge.vocabulary.findings)}
        self.definition_bit = {
            Derived("definition", name, truth): 1 << 2 * place + truth
            for place, name in enumerate(knowledge.definitions)
            for truth in (False, True)
        }
        # By rank, which is the position of a ground rule among all of them.
        self.ground_rules = ground_rules
        self.grounds = cache(self._grounds)
        self.definitions_used = lru_cache(maxsize=16_384)(self._definitions_used)

    def _sentence(self, name: str) -> Sentence:
        rule = self.knowledge.rules[name]
        return Sentence(rule.because, rule.condition, self.knowledge)

    def _grounds(self, rank: int) -> tuple[int, tuple[Derived, ...]]:
        """Return the bits of the findings that a ground rule asks for, and what else it rests on."""
        ground, bits = self.ground_rules[rank], 0
        for premise in ground.premises:
            if isinstance(premise, Observation):
                bits |= self.bit[premise.leaf.finding]
        return bits, tuple(premise for premise in ground.premises if isinstance(premise, Derived))

    def _definitions_used(self, bits: int) -> tuple[DefinitionUsed, ...]:
        known = self.knowledge.definitions
        return tuple(
            DefinitionUsed(derived.id, derived.truth, known[derived.id].says[0 if derived.truth else 1])
            for derived, bit in self.definition_bit.items()
            if bits & bit
        )


class Arguments:
    """The arguments of one case."""

    def __init__(
        self,
        tables: ArgumentTables,
        case: Case,
        values: Mapping[str, Value],
        judgement: Judgement,
        derivation: Derivation,
    ) -> None:
        self.tables, self.case, self.values, self.judgement = tables, case, values, judgement
        self.justifications: dict[Derived, list[tuple[int, tuple[Derived, ...]]]] = {}
        for ground in derivation.firings:
            self.justifications.setdefault(ground.conclusion, []).append(tables.grounds(ground.rank))
        self._used: dict[str, FindingUsed] = {}
        self._reached: dict[Derived, tuple[int, int]] = {}

    def argument(self, rule: Rule, level: str | None = None) -> Argument:
        """Return the argument of a rule that fired; `level` is what it demands here, if it demands one."""
        name = rule.id
        findings, definitions = self.grounds(Derived("rule", name))
        cited = self.tables.cited[name]
        return Argument(name, rule.kind, self.because(name), findings, definitions, cited, rule.strength, level)

    def because(self, rule: str) -> str:
        """Return the sentence of a rule that fired, with the case's values filled in."""
        return self.tables.sentence(rule).fill(self.case.findings, self.values, self._truth)

    def grounds(self, conclusion: Derived) -> tuple[tuple[FindingUsed, ...], tuple[DefinitionUsed, ...]]:
        """Return the findings that a conclusion rests on by every justification, and the definitions on the way."""
        findings, definitions = self._reach(conclusion)
        used = tuple([self.finding(name) for name in self.tables.judge.findings_of(findings)])
        return used, self.tables.definitions_used(definitions) if definitions else ()

    def finding(self, name: str) -> FindingUsed:
        """Return a known finding as arguments quote it."""
        used = self._used.get(name)
        if used is None:
            self._used[name] = used = _quote(name, self.case.findings[name], self.tables.knowledge)
        return used

    def _truth(self, name: str) -> Truth:
        return self.judgement.truth(self.tables.judge.position[name])

    def _reach(self, conclusion: Derived) -> tuple[int, int]:
        """Follow every justification back; returns the bits of the findings and of the definitions that were met."""
        reached = self._reached.get(conclusion)
        if reached is None:
            findings, definitions = 0, self.tables.definition_bit.get(conclusion, 0)
            for bits, below in self.justifications.get(conclusion, ()):
                findings |= bits
                for premise in below:
                    further = self._reach(premise)
                    findings |= further[0]
                    definitions |= further[1]
            self._reached[conclusion] = reached = findings, definitions
        return reached


def _quote(name: str, observed: Observed, knowledge: KnowledgeBase) -> FindingUsed:
    finding = knowledge.vocabulary.findings[name]
    says = finding_clause(finding, observed.value, observed.given)
    unit = finding.unit if isinstance(finding, QuantityFinding) else None
    return FindingUsed(name, observed.value, says, unit, observed.given or None, observed.origin or None)
