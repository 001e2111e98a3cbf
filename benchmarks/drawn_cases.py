"""Random patients of a knowledge base: partly known, mostly without what was asked about, with measurements near thresholds."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random

from facts.case import Case, Contradiction, Observed, complete
from facts.vocabulary import ChoiceFinding, Finding, Value, YesNoFinding
from knowledge_base.conditions.logic import evaluate, evaluate_named
from knowledge_base.judging.thresholds import thresholds
from knowledge_base.model import KnowledgeBase

YES = 0.15
"""How many of the yes/no findings that are known are present: a history is mostly made of noes."""
NEAR = 0.7
"""How many of the quantities that rules compare are drawn on, just below or just above one of the thresholds."""


def draw_cases(knowledge: KnowledgeBase, count: int, seed: int, known: tuple[int, int]) -> Iterator[Case]:
    """Draw `count` patients, each with a number of answers from `known`, both ends included; the same for the same seed.

    What an answer requires is added to it; patients whose answers contradict each other are drawn again.
    """
    random = Random(seed)
    trees = (*knowledge.conditions.values(), *(rule.condition for rule in knowledge.rules.values()))
    compared = thresholds(trees)
    findings = knowledge.vocabulary.findings
    drawn = 0
    while drawn < count:
        names = random.sample(list(findings), min(random.randint(*known), len(findings)))
        answered = {name: Observed(draw_value(random, findings[name], compared.get(name, ()))) for name in names}
        try:
            completed, _ = complete(knowledge.vocabulary, knowledge.dictionary, answered)
        except Contradiction:
            continue
        case = Case(f"drawn {drawn + 1}", completed)
        if not contradicts_itself(knowledge, case.values):
            drawn += 1
            yield case


def draw_value(random: Random, finding: Finding, compared: Sequence[float]) -> Value:
    """Draw what one finding is worth, for a quantity within its plausible range."""
    if isinstance(finding, YesNoFinding):
        return random.random() < YES
    if isinstance(finding, ChoiceFinding):
        return random.choice(list(finding.choices))
    low, high = finding.range
    if compared and random.random() < NEAR:
        threshold = random.choice(compared)
        value = threshold + random.choice((-0.1, -0.01, 0, 0, 0.01, 0.1)) * max(abs(threshold), 1)
    else:
        value = random.uniform(low, high)
    return float(min(max(round(value, 2), low), high))


def contradicts_itself(knowledge: KnowledgeBase, values: Mapping[str, Value]) -> bool:
    """Return whether the knowledge base says that no patient has these answers together."""
    named = evaluate_named(knowledge.conditions, values)
    return any(evaluate(entry.condition, values, named) is True for entry in knowledge.contradictions.values())
