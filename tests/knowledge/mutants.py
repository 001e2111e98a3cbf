"""Faults to plant in a knowledge base: the slips of a hurried hand, one at a time.

They are planted in what is written, not in what was loaded: conditions in their text, the rest in the YAML's data. So a mutant
goes through the real loader, which may refuse it, and nothing has to be rebuilt as loading would.

Longer than other modules: it is a list of slips, each a few lines.
"""

import ast
import json
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import facts
from facts.declaring.schema_reading import read_knowledge_file
from facts.declaring.yaml_reading import Document, KeyPath
from facts.measuring.units import converter
from facts.problems import Place
from facts.vocabulary import ChoiceFinding, Finding, QuantityFinding
from knowledge_base.grading import grading_scope
from knowledge_base.judging.thresholds import thresholds_of
from knowledge_base.loading.knowledge_files import SHIPPED
from knowledge_base.model import KnowledgeBase

Edit: TypeAlias = tuple[KeyPath, Any]
"""A place in a YAML document and what stands there instead; None takes it out."""

_OPPOSED = {"supports": "opposes", "opposes": "supports", "confirms": "excludes", "excludes": "confirms"}
_EDGES = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_SIGNS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


@dataclass(frozen=True)
class Mutant:
    """One planted fault: what kind it is, where, and how the file that it stands in is changed."""

    kind: str
    part: str
    subject: str
    place: Place
    change: str
    file: str
    edits: tuple[Edit, ...]


class Written:
    """A knowledge base as it is written: every file of it as data, by the name it has in a folder with findings of its own."""

    def __init__(self, knowledge: KnowledgeBase, folder: Path | None = None) -> None:
        roots = (folder or SHIPPED, Path(facts.__file__).parent, SHIPPED)
        names = [name.removeprefix("facts/") for name in knowledge.files]
        paths = {name: next(root / name for root in roots if (root / name).is_file()) for name in names}
        self.documents = {name: read_knowledge_file(path, f"{path.parent.name}/{path.name}") for name, path in paths.items()}

    def copy(self, folder: Path) -> None:
        """Write all of it into an empty folder."""
        for name, document in self.documents.items():
            write(folder / name, document.value)

    def plant(self, mutant: Mutant, folder: Path) -> None:
        """Write the one file that a mutant changes."""
        value = deepcopy(self.documents[mutant.file].value)
        for path, instead in mutant.edits:
            entry = value
            for key in path[:-1]:
                entry = entry.setdefault(key, {}) if isinstance(entry, dict) else entry[key]
            if instead is None:
                del entry[path[-1]]
            else:
                entry[path[-1]] = instead
        write(folder / mutant.file, value)

    def fix(self, mutant: Mutant, folder: Path) -> None:
        """Write the file that a mutant changed as it was."""
        write(folder / mutant.file, self.documents[mutant.file].value)


def write(path: Path, value: Any) -> None:
    """Write data as JSON, which is YAML."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def mutants(written: Written, knowledge: KnowledgeBase) -> Iterator[Mutant]:
    """Return every fault that can be planted, in the order of files and places."""
    faults = ConditionFaults(knowledge.vocabulary.findings, thresholds_of(knowledge))
    grades = ConditionFaults(grading_scope().findings, {})
    levels = list(knowledge.levels)
    for file, document in written.documents.items():
        value = document.value
        if file == "leaflet.yaml":
            # Words for patients: nothing follows from them.
            continue
        planter = _Planter(file, document)
        for name, entry in value.get("definitions", {}).items():
            yield from planter.condition("definition", name, ("definitions", name, "when"), entry["when"], faults)
        for name, entry in value.get("causes", {}).items():
            for kind in _OPPOSED:
                for rule, argument in entry.get(kind, {}).items():
                    path: KeyPath = ("causes", name, kind, rule)
                    yield from planter.rule("argument", rule, path, argument, faults, levels)
                    yield from planter.argument(kind, rule, path, argument)
        for name, entry in value.get("warning_signs", {}).items():
            yield from planter.level("warning sign", name, ("warning_signs", name), entry, levels)
            yield from planter.look_for(name, ("warning_signs", name), entry)
            for rule, warning in entry["rules"].items():
                path = ("warning_signs", name, "rules", rule)
                yield from planter.rule("warning sign", rule, path, warning, faults, levels)
                yield from planter.look_for(rule, path, warning)
                yield from planter.downgrades(path, warning)
        for section, part in (("next_steps", "next step"), ("contradictions", "contradiction")):
            for name, entry in value.get(section, {}).items():
                yield from planter.rule(part, name, (section, name), entry, faults, levels)
                yield from planter.step(name, (section, name), entry)
        for name in value.get("guards", {}):
            yield planter.mutant("guard dropped", "guard", name, ("guards", name), "the whole guard", (("guards", name), None))
        for index, grade in enumerate(value.get("grades", ())):
            yield from planter.rule("grading", grade["standing"], ("grades", index), grade, grades, levels)
        if file.startswith("findings/"):
            for name in value["findings"]:
                yield from planter.unit(name, knowledge.vocabulary.findings[name])
        if file == "medicines.yaml":
            yield from planter.classes(value["classes"])


@dataclass(frozen=True)
class _Planter:
    """Plants faults in one file."""

    file: str
    document: Document

    def mutant(self, kind: str, part: str, subject: str, path: KeyPath, change: str, *edits: Edit) -> Mutant:
        return Mutant(kind, part, subject, self.document.place(path), change, self.file, edits)

    def exchanged(self, kind: str, part: str, subject: str, path: KeyPath, was: Any, instead: Any) -> Mutant:
        return self.mutant(kind, part, subject, path, f"{path[-1]}: {was} → {instead}", (path, instead))

    def condition(self, part: str, subject: str, path: KeyPath, text: str, faults: "ConditionFaults") -> Iterator[Mutant]:
        for kind, change, instead in faults(text):
            yield self.mutant(kind, part, subject, path, change, (path, instead))

    def rule(
        self, part: str, subject: str, path: KeyPath, entry: Mapping[str, Any], faults: "ConditionFaults", levels: list[str]
    ) -> Iterator[Mutant]:
        yield from self.condition(part, subject, (*path, "when"), entry["when"], faults)
        yield self.mutant("rule deleted", part, subject, path, "the whole rule", (path, None))
        yield from self.level(part, subject, path, entry, levels)

    def level(self, part: str, subject: str, path: KeyPath, entry: Mapping[str, Any], levels: list[str]) -> Iterator[Mutant]:
        level = entry.get("level")
        if level in levels[1:]:
            lower = levels[levels.index(level) - 1]
            yield self.exchanged("level lowered", part, subject, (*path, "level"), level, lower)

    def look_for(self, subject: str, path: KeyPath, entry: Mapping[str, Any]) -> Iterator[Mutant]:
        """Narrow what makes anybody look for a danger."""
        if "look_for" in entry:
            where = (*path, "look_for")
            for dropped, rest in _fewer(entry["look_for"], ast.Or):
                change = f"{dropped} left out of: {_short(entry['look_for'])}"
                yield self.mutant("look_for narrowed", "warning sign", subject, where, change, (where, rest))

    def downgrades(self, path: KeyPath, entry: Mapping[str, Any]) -> Iterator[Mutant]:
        """Let the level of a danger be lowered by less."""
        for name, downgrade in entry.get("downgrades", {}).items():
            where = (*path, "downgrades", name, "when")
            for dropped, rest in _fewer(downgrade["when"], ast.And):
                change = f"{dropped} left out of: {_short(downgrade['when'])}"
                yield self.mutant("downgrade widened", "warning sign", name, where, change, (where, rest))

    def step(self, subject: str, path: KeyPath, entry: Mapping[str, Any]) -> Iterator[Mutant]:
        """Let a step keep silent about a topic, or be shown where it is a hazard or does not matter."""
        for topic in entry.get("topics", {}):
            where = (*path, "topics", topic)
            yield self.mutant("topic dropped", "next step", subject, where, topic, (where, None))
        if "unless" in entry:
            where = (*path, "unless")
            yield self.mutant("unless dropped", "next step", subject, where, _short(entry["unless"]), (where, None))
            for dropped, rest in _fewer(entry["unless"], ast.Or):
                change = f"{dropped} left out of: {_short(entry['unless'])}"
                yield self.mutant("unless narrowed", "next step", subject, where, change, (where, rest))

    def argument(self, kind: str, subject: str, path: KeyPath, entry: Mapping[str, Any]) -> Iterator[Mutant]:
        if "strength" in entry:
            other = {"weak": "strong", "strong": "weak"}[entry["strength"]]
            strength = (*path, "strength")
            yield self.exchanged("strength exchanged", "argument", subject, strength, entry["strength"], other)
        instead = (*path[:-2], _OPPOSED[kind], subject)
        change = f"{kind} → {_OPPOSED[kind]}"
        yield self.mutant("argument moved", "argument", subject, path, change, (path, None), (instead, dict(entry)))

    def unit(self, name: str, finding: Finding) -> Iterator[Mutant]:
        if isinstance(finding, QuantityFinding):
            path: KeyPath = ("findings", name, "unit")
            for unit in finding.accepts:
                if is_another_number(finding, unit):
                    accepts = [finding.unit if other == unit else other for other in finding.accepts]
                    edits: tuple[Edit, ...] = ((path, unit), (("findings", name, "accepts"), accepts))
                    yield self.mutant("unit swapped", "finding", name, path, f"unit: {finding.unit} → {unit}", *edits)

    def classes(self, classes: Mapping[str, Mapping[str, Any]]) -> Iterator[Mutant]:
        for field in ("current", "stopped"):
            deciding = [name for name in classes if classes[name].get(field)]
            for name, other in zip(deciding, deciding[1:] + deciding[:1], strict=True):
                was, instead = classes[name][field], classes[other][field]
                if was != instead:
                    path: KeyPath = ("classes", name, field)
                    yield self.exchanged("medicine class exchanged", "medicines", name, path, was, instead)
        for name, entry in classes.items():
            if "stopped_within_days" in entry:
                path = ("classes", name, "stopped_within_days")
                first, last = entry["stopped_within_days"]
                for moved in (last - 1, last + 1):
                    yield self.exchanged("threshold moved", "medicines", name, path, [first, last], [first, moved])
            if "stopped_after_weeks" in entry:
                path = ("classes", name, "stopped_after_weeks")
                for weeks in (entry["stopped_after_weeks"] - 1, entry["stopped_after_weeks"] + 1):
                    yield self.exchanged("threshold moved", "medicines", name, path, entry["stopped_after_weeks"], weeks)


_Fault: TypeAlias = tuple[str, str, str | None]
"""The kind of a fault, what is written instead of one part of a condition, and what that leaves out of a list."""


class ConditionFaults:
    """Gives the faults of a condition: kind, what changes, and the whole condition with the fault in it."""

    def __init__(self, findings: Mapping[str, Finding], thresholds: Mapping[str, Iterable[float]]) -> None:
        self.findings = findings
        self.digits = {
            name: max(len(f"{number:g}".partition(".")[2]) for number in numbers) for name, numbers in thresholds.items()
        }
        answered = [name for name, finding in findings.items() if finding.kind == "yes_no"]
        self.neighbor = dict(zip(answered, answered[1:] + answered[:1], strict=True))

    def __call__(self, text: str) -> Iterator[tuple[str, str, str]]:
        text = " ".join(text.split())
        root = ast.parse(text, mode="eval").body
        for node, above in _parts(root, None):
            start, end = node.col_offset, node.end_col_offset or len(text)
            for kind, instead, lost in self.faults(node, above):
                was = _short(text[start:end])
                shown = f"{was} → {_short(instead)}" if lost is None else f"{lost} left out of: {was}"
                yield kind, shown, text[:start] + (instead if above is None else f"({instead})") + text[end:]

    def faults(self, node: ast.expr, above: ast.expr | None) -> Iterator[_Fault]:
        negated = isinstance(above, ast.UnaryOp)
        match node:
            case ast.BoolOp(op=op, values=values):
                other = ast.And() if isinstance(op, ast.Or) else ast.Or()
                yield "and, or exchanged", ast.unparse(ast.BoolOp(other, values)), None
                for dropped, rest in _without_one(values):
                    left = ast.BoolOp(op, rest) if len(rest) > 1 else rest[0]
                    yield "operand dropped", ast.unparse(left), ast.unparse(dropped)
            case ast.UnaryOp(operand=operand):
                yield "negation dropped", ast.unparse(operand), None
            case ast.Name(id=name):
                if not negated:
                    yield "negation added", f"not {name}", None
                if name in self.neighbor:
                    yield "finding exchanged", self.neighbor[name], None
            case ast.Call(args=[ast.Constant(value=int(count)), *operands]):
                yield from _counted_otherwise(count, [ast.unparse(operand) for operand in operands])
            case ast.Compare(ops=[ast.Eq() | ast.NotEq() | ast.In() | ast.NotIn()]):
                yield from self.choice_faults(node, negated=negated)
            case ast.Compare():
                yield from self.threshold_faults(node)

    def choice_faults(self, node: ast.Compare, *, negated: bool) -> Iterator[_Fault]:
        name, listed = ast.unparse(node.left), node.comparators[0]
        chosen = [ast.unparse(item) for item in listed.elts] if isinstance(listed, ast.List) else [ast.unparse(listed)]
        finding = self.findings[name]
        assert isinstance(finding, ChoiceFinding)
        others = [choice for choice in finding.choices if choice not in chosen]
        denied = isinstance(node.ops[0], ast.NotEq | ast.NotIn)
        if denied or not negated:
            opposite = ("in" if denied else "not in") + f" [{', '.join(chosen)}]"
            yield "negation dropped" if denied else "negation added", f"{name} {opposite}", None
        word = "not in" if denied else "in"
        for index in range(len(chosen)):
            if others:
                instead = [*chosen[:index], others[0], *chosen[index + 1 :]]
                yield "choice exchanged", f"{name} {word} [{', '.join(instead)}]", None
            if len(chosen) > 1:
                left = [*chosen[:index], *chosen[index + 1 :]]
                yield "choice dropped", f"{name} {word} [{', '.join(left)}]", chosen[index]

    def threshold_faults(self, node: ast.Compare) -> Iterator[_Fault]:
        terms = [ast.unparse(term) for term in (node.left, *node.comparators)]
        signs = [_SIGNS[type(operator)] for operator in node.ops]
        for index, sign in enumerate(signs):
            yield "comparison's edge moved", _join(terms, [*signs[:index], _EDGES[sign], *signs[index + 1 :]]), None
            if len(signs) == 1:
                yield "comparison turned", _join(terms, [_TURNED[sign]]), None
        finding = next(self.findings[term] for term in terms if term in self.findings)
        assert isinstance(finding, QuantityFinding)
        for index, term in enumerate(terms):
            if term not in self.findings:
                for kind, number in self.other_numbers(finding, float(term)):
                    yield kind, _join([*terms[:index], f"{number:.10g}", *terms[index + 1 :]], signs), None

    def other_numbers(self, finding: QuantityFinding, threshold: float) -> Iterator[tuple[str, float]]:
        """Return plausible numbers on both sides, and what the same threshold is called in other units."""
        low, high = finding.range
        digits = self.digits.get(finding.id, 0)
        move = max(round(min(abs(threshold), high - low) / 10, digits), 10.0**-digits)
        for moved in (round(threshold - move, digits), round(threshold + move, digits)):
            if low <= moved <= high:
                yield "threshold moved", moved
        for unit in finding.accepts:
            if is_another_number(finding, unit):
                zero, one = (converter(finding, unit)(Decimal(number)) for number in (0, 1))
                yield "unit swapped", float(f"{(Decimal(repr(threshold)) - zero) / (one - zero):.4g}")


def is_another_number(finding: QuantityFinding, unit: str) -> bool:
    """Return whether a value has another number in this unit."""
    return converter(finding, unit)(Decimal(1)) != 1


def _parts(node: ast.expr, above: ast.expr | None) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    yield node, above
    below: list[ast.expr] = []
    match node:
        case ast.BoolOp(values=values):
            below = values
        case ast.UnaryOp(operand=operand):
            below = [operand]
        case ast.Call(args=[_, *operands]):
            below = operands
    for part in below:
        yield from _parts(part, node)


def _without_one(values: list[ast.expr]) -> Iterator[tuple[ast.expr, list[ast.expr]]]:
    for index, dropped in enumerate(values):
        yield dropped, values[:index] + values[index + 1 :]


def _fewer(text: str, operator: type[ast.boolop]) -> Iterator[tuple[str, str]]:
    """Return what a condition of several parts is without each: what was left out, and the rest."""
    match ast.parse(" ".join(text.split()), mode="eval").body:
        case ast.BoolOp(op=op, values=values) if isinstance(op, operator):
            for dropped, rest in _without_one(values):
                yield ast.unparse(dropped), ast.unparse(ast.BoolOp(op, rest) if len(rest) > 1 else rest[0])


def _counted_otherwise(count: int, operands: list[str]) -> Iterator[_Fault]:
    for other in (count - 1, count + 1):
        if 1 <= other <= len(operands):
            yield "at_least one off", f"at_least({other}, {', '.join(operands)})", None
    if count < len(operands):
        for index, dropped in enumerate(operands):
            yield "operand dropped", f"at_least({count}, {', '.join(operands[:index] + operands[index + 1 :])})", dropped


def _join(terms: list[str], signs: list[str]) -> str:
    return " ".join([terms[0], *(part for pair in zip(signs, terms[1:], strict=True) for part in pair)])


def _short(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:119]}…"
