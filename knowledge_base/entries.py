"""What is needed to build any entry of a knowledge file: where it stands, what it may name, and the list of problems."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from facts.declaring.yaml_reading import Document, KeyPath
from facts.problems import CharleyError, Place, Problem, did_you_mean
from facts.vocabulary import Vocabulary
from knowledge_base.conditions.expression import ConditionError, Expression, Scope, parse
from knowledge_base.declarations import Level, Source
from knowledge_base.schema import Sources

Content = TypeVar("Content")


class Problems:
    """Every problem found so far; reading and building go on past each, so that all of them are told at once."""

    def __init__(self) -> None:
        self._found: set[Problem] = set()

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, place: Place, message: str, fix: str) -> None:
        """Note a problem, once."""
        self._found.add(Problem(place, message, fix))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Note problems that were found elsewhere."""
        self._found.update(problems)

    def error(self) -> CharleyError:
        """Return the error that carries them all, by place."""
        return CharleyError(sorted(self._found))


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a YAML document: the key path that leads to an entry or to a part of one."""

    document: Document
    path: KeyPath = ()

    def at(self, *path: str | int) -> "Node":
        """Return the node that stands further down, whether it is written or not."""
        return Node(self.document, (*self.path, *path))

    @property
    def id(self) -> str:
        """The last key on the way here: the id of an entry."""
        return str(self.path[-1])

    @property
    def place(self) -> Place:
        """Where the value stands, or the nearest value above it that is written."""
        return self.document.place(self.path)

    @property
    def key_place(self) -> Place:
        """Where the key stands."""
        return self.document.place(self.path, of_key=True)


@dataclass(frozen=True, slots=True)
class KnowledgeFile(Generic[Content]):
    """A knowledge file that follows its schema, with the place of everything in it; `name` is relative to the folder."""

    name: str
    content: Content
    document: Document

    def node(self, *path: str | int) -> Node:
        """Return the node at a key path of this file."""
        return Node(self.document, path)


@dataclass(frozen=True, slots=True)
class Context:
    """What the entries of a knowledge base are checked against: what they may name, and the list of problems."""

    vocabulary: Vocabulary
    evidence: Mapping[str, Source]
    levels: Mapping[str, Level]
    retired: Container[str]
    scope: Scope
    problems: Problems
    rule_places: dict[str, Place] = field(default_factory=dict)
    """Where each rule id was declared first; every rule that is built adds its own."""

    def read_condition(self, node: Node, text: str) -> Expression | None:
        """Parse the condition that stands at a node, or note what is wrong in it."""
        try:
            return parse(text, self.scope)
        except ConditionError as error:
            place = node.place
            inside = Place(place.file, place.line, place.column + error.column)
            owner = ".".join(str(part) for part in node.path[:-1])
            self.problems.add(inside, f"{owner}: {error.message}", error.fix)
            return None

    def read_sources(self, node: Node, written: Sources | None) -> tuple[str, ...]:
        """Return the sources of the entry at a node by key, and note those that evidence.yaml does not have."""
        keys = () if written is None else (written,) if isinstance(written, str) else tuple(written)
        for key in keys:
            if key not in self.evidence:
                self.problems.add(node.at("source").place, *unknown_source(node.id, key, self.evidence))
        return keys

    def read_level(self, node: Node, level: str | None, key: str = "level") -> str | None:
        """Return the level of urgency that stands under a key of the entry at a node, or note that there is no such level."""
        if level is not None and level not in self.levels:
            fix = did_you_mean(level, self.levels) or f"use {' or '.join(self.levels)}"
            self.problems.add(node.at(key).place, f"{node.id}: {level} is not a level of urgency", fix)
            return None
        return level


def unknown_source(owner: str, key: str, evidence: Iterable[str]) -> tuple[str, str]:
    """Return the message and the fix for a source that evidence.yaml does not have."""
    return f"{owner}: the source {key} is not in evidence.yaml", did_you_mean(key, evidence) or "add it to evidence.yaml"
