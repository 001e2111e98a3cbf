"""Which numbers conditions compare a quantity with."""

from facts.vocabulary import QuantityFinding
from knowledge_base.conditions.expression import Scope, parse
from knowledge_base.judging.thresholds import thresholds


def test_each_number_is_told_once_by_its_quantity_ascending() -> None:
    names = ("x", "y")
    scope = Scope(
        {
            name: QuantityFinding(id=name, group="", label=name, question="", kind="quantity", unit="g", range=[0, 9])
            for name in names
        }
    )
    trees = [parse(text, scope) for text in ("5 <= x <= 7 or not y < 2", "at_least(1, x > 3, x >= 5)")]
    assert thresholds(trees) == {"x": [3.0, 5.0, 7.0], "y": [2.0]}
    assert thresholds([]) == {}
