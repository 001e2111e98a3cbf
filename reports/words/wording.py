"""What a condition, a value or an argument says; the interpreter of the condition tree that speaks to people.

Longer than other modules: one walk over the tree, with a clause for each kind of condition, present and absent.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from string import Formatter
from typing import TypeAlias, assert_never

from facts.case import IMPLIED, Observed
from facts.language.speaking import localized_number, say, spoken
from facts.measuring.reference_intervals import WORDS
from facts.quantities import Interval, Quantity, quantity_words
from facts.requirements import ancestors
from facts.vocabulary import Finding, QuantityFinding, Value, YesNoFinding
from knowledge_base.conditions.expression import (
    And,
    AtLeast,
    Compared,
    Expression,
    Leaf,
    Named,
    Not,
    OneOf,
    Or,
    Present,
    opposite,
)
from knowledge_base.conditions.logic import Truth, evaluate, push_negation_inward
from knowledge_base.conditions.templates import WHICH, first_alternatives
from knowledge_base.model import ANY_WARNING_SIGN, KnowledgeBase

TruthOf: TypeAlias = Callable[[str], Truth]

Bound: TypeAlias = tuple[float, bool]
"""A number, and whether it is still within."""

_UNITS = {"degC": "°C", "degF": "°F", "count": "", "umol/L": "µmol/L", "ug/dL": "µg/dL", "uIU/mL": "µIU/mL", "ukat/L": "µkat/L"}
_LONGEST_SYMBOL = 3
"""Letters: a longer unit is a word."""
_ECHO = re.compile(r"\b((?:\w+ ){1,2}[\d.,]+ [^\s,]+), \1(?!\w)")
"""A bound with its unit, and the same once more."""
_RELATIONS = {"<": "below", "<=": "at most", ">": "above", ">=": "at least"}


def number_text(number: float) -> str:
    """Write a number as a clinician would: 3.1, 150, 0.6171."""
    return localized_number(f"{number:.4g}" if abs(number) < 1_000 else f"{number:.10g}")


def quantity_text(finding: QuantityFinding, quantity: Quantity) -> str:
    """Write a quantity with its unit: "3.1 mmol/L", "below 1.5 mmol/L"."""
    words, unit = quantity_words(quantity, finding.range, number_text, say), unit_text(finding)
    if words == "1" and is_word(finding.unit):
        unit = say(one_of(finding.unit))
    return f"{words}%" if unit == "%" else f"{words} {unit}".rstrip()


def unit_text(finding: QuantityFinding) -> str:
    """Write the unit of a quantity as it is printed: "°C"; nothing for a plain number."""
    unit = _UNITS.get(finding.unit, finding.unit)
    # Only what is spelled out differs between languages: years, not mmol/L.
    return say(unit) if is_word(unit) else unit


def is_word(unit: str) -> bool:
    """Return whether a unit is spelled out, as "years" is, and no symbol."""
    return unit.isalpha() and unit.islower() and len(unit) > _LONGEST_SYMBOL


def one_of(unit: str) -> str:
    """Return a unit that is spelled out as it goes with 1: "day" for "days"."""
    return unit.removesuffix("s")


def value_text(finding: Finding, value: Value, given: str = "", when: str = "") -> str:
    """Write the value of a finding: "yes", "sudden", "1.5 mg/dL (0.6172 mmol/L)", "low, no figure given (below 3.5 mmol/L)".

    `given` is what was written in another unit, which comes first: the reader looks for the figure on the laboratory's form.
    """
    if isinstance(finding, YesNoFinding):
        return say("yes") if value else say("no")
    if isinstance(finding, QuantityFinding):
        own = quantity_text(finding, value if isinstance(value, Interval) else float(value))
        first, *rest = (
            (say("{word}, no figure given").format(word=say(given)), own)
            if given in WORDS
            else (_printed(given), own)
            if given
            else (own,)
        )
        within = "; ".join(part for part in (*rest, when) if part)
        return f"{first} ({within})" if within else first
    # In English a choice goes by its name; in another language only its clause has words.
    return str(value).replace("_", " ") if spoken() is None else finding.choices[str(value)]


def _printed(given: str) -> str:
    """Write what was given with its unit as it is printed: "100.4 degF" as "100.4 °F"."""
    return " ".join(_UNITS.get(part, part) for part in given.split(" "))


def finding_clause(finding: Finding, value: Value, given: str = "") -> str:
    """Return the clause of a known finding: "the potassium is 3.1 mmol/L", "the patient is not vomiting"."""
    if isinstance(finding, YesNoFinding):
        return finding.present if value else finding.absent
    if isinstance(finding, QuantityFinding):
        return say("{label} is {value}").format(label=finding.label, value=value_text(finding, value, given))
    return finding.choices[str(value)]


def range_clause(finding: QuantityFinding, low: Bound | None, high: Bound | None) -> str:
    """Return between which bounds a quantity lies: "the potassium is at least 3 and below 3.5 mmol/L"."""
    if low is not None and low == high:
        return say("{label} is exactly {value}").format(label=finding.label, value=quantity_text(finding, low[0]))
    parts = [f"{say('at least') if low[1] else say('above')} {number_text(low[0])}"] if low else []
    parts += [f"{say('at most') if high[1] else say('below')} {number_text(high[0])}"] if high else []
    if not parts:
        return say("{label} is known, whatever it is").format(label=finding.label)
    bounds = f"{join(parts, 'and')} {unit_text(finding)}".rstrip()
    return say("{label} is {value}").format(label=finding.label, value=bounds)


def tell(tree: Expression, knowledge: KnowledgeBase) -> str:
    """Return a condition in English, for readers of the knowledge."""
    return _tell(push_negation_inward(tree), knowledge, nested=False)


def _tell(tree: Expression, knowledge: KnowledgeBase, *, nested: bool) -> str:
    match tree:
        case Present() | Compared() | OneOf():
            return leaf_clause(tree, True, knowledge)
        case Named(name):
            return named_clause(name, True, knowledge)
        case Not(Named(name)):
            return named_clause(name, False, knowledge)
        case Not(Present() | Compared() | OneOf() as leaf):
            return leaf_clause(leaf, False, knowledge)
        case Not(operand):
            return _tell(push_negation_inward(operand, negate=True), knowledge, nested=nested)
        case And(operands):
            parts = _without_required(operands, knowledge)
            if len(parts) == 1:
                return _tell(parts[0], knowledge, nested=nested)
            told = join([_tell(part, knowledge, nested=True) for part in parts], "and")
        case Or(operands):
            told = join([_tell(operand, knowledge, nested=True) for operand in _shortened(operands, knowledge)], "or")
        case AtLeast(count, operands):
            told = say("at least {count} of: ").format(count=count) + "; ".join(
                _tell(operand, knowledge, nested=True) for operand in operands
            )
        case _:
            assert_never(tree)
    return f"({told})" if nested else told


def _without_required(operands: Sequence[Expression], knowledge: KnowledgeBase) -> list[Expression]:
    """Leave out what another part requires: whoever hears that the weakness came suddenly knows that there is weakness."""
    findings = knowledge.vocabulary.findings
    named = [part.finding for part in operands if isinstance(part, Present | Compared | OneOf)]
    required = {above for name in named for above in ancestors(name, findings)}
    return [part for part in operands if not (isinstance(part, Present) and part.finding in required)]


def _shortened(operands: Sequence[Expression], knowledge: KnowledgeBase) -> list[Expression]:
    """Take one name for all warning signs where they are all there; nobody reads sixty."""
    signs = [Named(sign) for sign in knowledge.warning_signs]
    if len(signs) < 2 or not set(signs) <= set(operands):
        return list(operands)
    place = operands.index(signs[0])
    rest = [operand for operand in operands if operand not in signs]
    return [*rest[:place], Named(ANY_WARNING_SIGN), *rest[place:]]


def leaf_clause(leaf: Leaf, truth: bool, knowledge: KnowledgeBase) -> str:
    """Return what a leaf asks of its finding, or the contrary."""
    finding = knowledge.vocabulary.findings[leaf.finding]
    match leaf:
        case Compared(_, operator, threshold) if isinstance(finding, QuantityFinding):
            relation = _RELATIONS[operator if truth else opposite(operator)]
            value = f"{say(relation)} {quantity_text(finding, threshold)}"
            return say("{label} is {value}").format(label=finding.label, value=value)
        case OneOf(_, choices) if finding.kind == "choice":
            meant = [choice for choice in finding.choices if (choice in choices) is truth]
            return f" {say('or')} ".join(finding.choices[choice] for choice in meant)
        case Present() | Compared() | OneOf():
            return finding_clause(finding, truth)
        case _:
            assert_never(leaf)


def named_clause(name: str, truth: bool, knowledge: KnowledgeBase) -> str:
    """Return the clause of a definition or conclusion when it is true, or when it is not."""
    definition = knowledge.definitions.get(name)
    if definition is not None:
        return definition.says[0 if truth else 1]
    if name == ANY_WARNING_SIGN:
        return say("there is any warning sign")
    if name in knowledge.causes:
        return say("something speaks for {cause}").format(cause=lower_first(knowledge.causes[name].label))
    return say("there is a warning sign: {sign}").format(sign=lower_first(knowledge.warning_signs[name].label))


class Sentence:
    """A `because` sentence ready to be filled: its pieces, and the alternatives that {which} names."""

    def __init__(self, template: str, condition: Expression, knowledge: KnowledgeBase) -> None:
        self.knowledge = knowledge
        self.pieces = tuple((text, name) for text, name, _, _ in Formatter().parse(template))
        asks_which = any(name == WHICH for _, name in self.pieces)
        self.alternatives = (first_alternatives(condition, knowledge.conditions) or ()) if asks_which else ()
        self.fixed = template[:1].upper() + template[1:] if all(name is None for _, name in self.pieces) else None

    def fill(self, findings: Mapping[str, Observed], values: Mapping[str, Value], truth: TruthOf) -> str:
        """Fill the sentence with a case's values and the alternatives that are true; `truth` tells of definitions."""
        if self.fixed is not None:
            return self.fixed
        filled: list[str] = []
        for text, name in self.pieces:
            filled.append(text)
            if name == WHICH:
                telling = _Telling(self.knowledge, findings, values, truth)
                labels = list(dict.fromkeys(label for part in self.alternatives for label in telling.labels(part)))
                filled.append(join(_origin_once(labels), "and"))
            elif name:
                filled.append(_quoted_value(name, findings, self.knowledge))
        sentence = _without_echo("".join(filled), findings, self.pieces)
        return sentence[:1].upper() + sentence[1:]


def _without_echo(sentence: str, findings: Mapping[str, Observed], pieces: Sequence[tuple[str, str | None]]) -> str:
    """Say a bound once, where the value as it was told and the bound of the rule are the same: "below 2.5 mmol/L"."""
    if not any(name in findings and isinstance(findings[name].value, Interval) for _, name in pieces if name):
        return sentence
    return _ECHO.sub(r"\1", sentence)


def _quoted_value(name: str, findings: Mapping[str, Observed], knowledge: KnowledgeBase) -> str:
    finding, observed = knowledge.vocabulary.findings[name], findings[name]
    if isinstance(finding, YesNoFinding):
        return _with_origin(finding, observed)
    return value_text(finding, observed.value, observed.given, observed.when)


def _with_origin(finding: YesNoFinding, observed: Observed) -> str:
    if observed.when:
        return f"{finding.label} ({observed.when})"
    from_list = observed.origin and observed.value and not observed.origin.startswith(IMPLIED)
    return f"{finding.label} ({observed.origin})" if from_list else finding.label


def _origin_once(labels: Sequence[str]) -> list[str]:
    """Leave the origin, which stands in brackets at the end, out of a label where the next one ends with the same."""
    endings = [label[label.find(" (") :] if label.endswith(")") and " (" in label else "" for label in labels]
    return [
        label.removesuffix(ending) if ending and ending == following else label
        for label, ending, following in zip(labels, endings, [*endings[1:], ""], strict=True)
    ]


class _Telling:
    """Names the true alternatives of a condition by noun phrases that fit into a list."""

    def __init__(
        self, knowledge: KnowledgeBase, findings: Mapping[str, Observed], values: Mapping[str, Value], truth: TruthOf
    ) -> None:
        self.knowledge, self.findings, self.values = knowledge, findings, values
        self.truths = _Lookup(truth)

    def labels(self, part: Expression) -> list[str]:
        if evaluate(part, self.values, self.truths) is not True:
            return []
        match part:
            case Present(name):
                finding = self.knowledge.vocabulary.findings[name]
                return [_with_origin(finding, self.findings[name]) if isinstance(finding, YesNoFinding) else finding.label]
            case Named(name) if name in self.knowledge.definitions:
                return [self.knowledge.definitions[name].label]
            case Named(name):
                return [lower_first((self.knowledge.causes.get(name) or self.knowledge.warning_signs[name]).label)]
            case Or(operands) | AtLeast(_, operands):
                return [label for operand in operands for label in self.labels(operand)]
            case And(operands):
                return [f" {say('with')} ".join(label for operand in self.own(operands) for label in self.labels(operand))]
            case Compared() | OneOf() | Not():
                return [tell(part, self.knowledge)]
            case _:
                assert_never(part)

    def own(self, operands: Sequence[Expression]) -> list[Expression]:
        """Leave out what stands there only because another operand requires it."""
        leaves = [operand for operand in operands if isinstance(operand, Leaf)]
        needed = {self.knowledge.vocabulary.findings[leaf.finding].requires for leaf in leaves}
        return [operand for operand in operands if not (isinstance(operand, Present) and operand.finding in needed)]


class _Lookup(Mapping[str, Truth]):
    """A function seen as a mapping, for `evaluate`."""

    def __init__(self, truth: TruthOf) -> None:
        self.truth = truth

    def __getitem__(self, name: str) -> Truth:
        return self.truth(name)

    def __iter__(self) -> Iterator[str]:
        raise TypeError("the names are not listed here")

    def __len__(self) -> int:
        raise TypeError("the names are not counted here")


def sentence(clause: str) -> str:
    """Make a sentence of a clause."""
    return f"{clause[:1].upper()}{clause[1:]}" + ("" if clause.endswith((".", "!", "?")) else ".")


def join(parts: Sequence[str], word: str) -> str:
    """Return parts as a list in a sentence: "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {say(word)} {parts[-1]}"


def lower_first(label: str) -> str:
    """Lower the first letter of a label inside a sentence, unless it is a name or an abbreviation; in English alone."""
    return label if spoken() is not None or label[1:2].isupper() else label[:1].lower() + label[1:]


def lower_label(label: str) -> str:
    """Return the label of a level or standing inside a sentence; other languages lower its first letter alone."""
    return label.lower() if spoken() is None else label[:1].lower() + label[1:]
