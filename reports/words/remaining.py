"""What remains of the conditions that could still raise the urgency, in English.

What remains depends on the truth of the condition's comparisons and findings alone, of which a patient has decided a few:
so each of them is judged once a patient, and each text is made once for all patients in whom the same are decided.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from operator import itemgetter

from facts.vocabulary import Value
from knowledge_base.conditions.expression import Expression, Leaf, leaves, names_used
from knowledge_base.conditions.logic import Truth, evaluate_leaf, residue
from knowledge_base.model import KnowledgeBase
from reports.words.cleaning import clean
from reports.words.wording import tell


class Remainders:
    """What remains of the rules of warning signs of one knowledge base. Thread-safe; keeps no value of any patient."""

    def __init__(self, knowledge: KnowledgeBase) -> None:
        self.knowledge = knowledge
        rules = [rule for sign in knowledge.warning_signs.values() for rule in sign.rules]
        self.leaves = {rule.id: tuple(dict.fromkeys(_all_leaves(rule.condition, knowledge))) for rule in rules}
        every = dict.fromkeys(leaf for found in self.leaves.values() for leaf in found)
        position = {leaf: place for place, leaf in enumerate(every)}
        # Two positions at least, so that a tuple comes of them; the last one is of no leaf.
        self.pick = {
            name: itemgetter(*(position[leaf] for leaf in found), len(position), len(position))
            for name, found in self.leaves.items()
        }
        self.by_finding: dict[str, list[tuple[int, Leaf]]] = {}
        for leaf, place in position.items():
            self.by_finding.setdefault(leaf.finding, []).append((place, leaf))
        self.unknown: tuple[Truth, ...] = (None,) * (len(position) + 1)
        self.told = lru_cache(maxsize=16_384)(self._told)

    def judge(self, values: Mapping[str, Value]) -> list[Truth]:
        """Return what each leaf of these rules is worth for one case."""
        truths = list(self.unknown)
        for name in values:
            for place, leaf in self.by_finding.get(name, ()):
                truths[place] = evaluate_leaf(leaf, values)
        return truths

    def tell(self, rule: str, truths: list[Truth]) -> tuple[str, int] | None:
        """Return what remains of a rule's condition, and how many answers it asks for; None where nothing remains."""
        return self.told(rule, self.pick[rule](truths))

    def _told(self, rule: str, truths: tuple[Truth, ...]) -> tuple[str, int] | None:
        truth_of = dict(zip(self.leaves[rule], truths, strict=False))
        rest = residue(self.knowledge.rules[rule].condition, truth_of.__getitem__, self.knowledge.conditions)
        return None if isinstance(rest, bool) else (clean(tell(rest, self.knowledge)), sum(1 for _ in leaves(rest)))


@lru_cache(maxsize=4)
def remainders(knowledge: KnowledgeBase) -> Remainders:
    """Return what tells the remainders of a knowledge base; made when it is first asked for."""
    return Remainders(knowledge)


def _all_leaves(tree: Expression, knowledge: KnowledgeBase) -> Iterator[Leaf]:
    """Return every leaf of a condition and of what it names."""
    yield from leaves(tree)
    for name in names_used(tree):
        yield from _all_leaves(knowledge.conditions[name], knowledge)
