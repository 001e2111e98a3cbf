"""YAML with the place of every key and value, for readers that must say where a mistake is.

PyYAML's events are built into plain data here, rather than by its constructors, because those keep the last of two equal
keys in silence, turn `yes` into True and a code into a number, follow anchors into exponential growth, and recurse on
nesting that the author of a file chooses.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

from facts.problems import CharleyError, Place, Problem

KeyPath: TypeAlias = tuple[str | int, ...]
"""The way from a document's top to a value: the keys of mappings and the positions in lists."""

LineColumn: TypeAlias = tuple[int, int]
"""A place in a file that is known from elsewhere, both counted from 1; most are never asked for as a Place."""

DEEPEST = 40
"""Levels of nesting that a file may have; knowledge and cases need fewer than ten."""

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_INTEGER = re.compile(r"[-+]?\d+")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML document as plain data, with the place of every path in it and the problems that leave it readable."""

    value: Any
    file: str
    places: Mapping[KeyPath, LineColumn]
    key_places: Mapping[KeyPath, LineColumn]
    problems: tuple[tuple[KeyPath, Problem], ...]

    def place(self, path: KeyPath, *, of_key: bool = False) -> Place:
        """Find the place of `path`, or of the nearest part of it that is written down."""
        places = self.key_places if of_key else self.places
        while path and path not in places:
            path = path[:-1]
            places = self.places
        return Place(self.file, *places[path])


def read_document(text: str, file: str, *, typed: bool, first_line: int = 1) -> Document:
    """Read one YAML document.

    When `typed`, plain numbers become int or float, and true and false become bool; otherwise every scalar stays the
    text that was written, which is what a case needs (`case: 0042`, `3.10 mmol/L`). `yes` and `no` always stay text.

    Raises CharleyError when it is not YAML, holds several documents, or uses anchors, aliases or tags.
    """
    builder = _Builder(file, first_line, typed)
    try:
        # A file of garbage may hold characters that YAML has no place for; the reader refuses them like bad syntax.
        return builder.document(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, first_line + mark.line, mark.column + 1) if mark else Place(file, first_line)
        message = " ".join(part for part in (error.context, error.problem) if part)
        raise CharleyError([Problem(place, f"this is not YAML: {message}", "correct it there")]) from None
    except (yaml.YAMLError, ValueError) as error:
        reason = getattr(error, "reason", "") or "unreadable characters"
        problem = Problem(Place(file, first_line), f"this is not YAML: {reason}", "save it as plain UTF-8 text")
        raise CharleyError([problem]) from None


class _Builder:
    def __init__(self, file: str, first_line: int, typed: bool) -> None:
        self.file, self.first_line, self.typed = file, first_line, typed
        self.places: dict[KeyPath, LineColumn] = {}
        self.key_places: dict[KeyPath, LineColumn] = {}
        self.problems: list[tuple[KeyPath, Problem]] = []

    def document(self, events: Iterator[Any]) -> Document:
        value: Any = None
        seen = False
        self.places[()] = (self.first_line, 1)
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if seen:
                    raise self.refusal(event, "a second document starts here", "keep one document in this file")
                value = self.node(next(events), events, (), 0)
                seen = True
        return Document(value, self.file, self.places, self.key_places, tuple(self.problems))

    def node(self, event: Any, events: Iterator[Any], path: KeyPath, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self.refusal(event, "anchors and aliases (& and *) are not read", "write the value out")
        if event.tag is not None and event.tag != "!":
            raise self.refusal(event, f"the tag {quoted_tag(event.tag)} is not read", "remove it")
        if depth > DEEPEST:
            raise self.refusal(event, f"nested more than {DEEPEST} levels deep", "write it flatter")
        self.places[path] = self.where(event)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Any] = []
            while not isinstance(event := next(events), yaml.SequenceEndEvent):
                items.append(self.node(event, events, (*path, len(items)), depth + 1))
            return items
        return self.mapping(events, path, depth)

    def mapping(self, events: Iterator[Any], path: KeyPath, depth: int) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self.refusal(event, "a key here is not plain text", "write `name: value`")
            key = event.value
            here = (*path, key)
            if key in entries:
                first = self.key_places[here]
                problem = Problem(
                    self.place(event),
                    f"the key {key!r} stands twice (first on line {first[0]})",
                    "keep one of them",
                )
                self.problems.append((path, problem))
                self.node(next(events), events, here, depth + 1)
                continue
            self.key_places[here] = self.where(event)
            entries[key] = self.node(next(events), events, here, depth + 1)
        return entries

    def scalar(self, event: Any) -> Any:
        text: str = event.value
        if event.style or event.tag == "!":  # quoted or a block: text, whatever it looks like
            return text
        if text in ("", "~", "null"):
            return None
        if self.typed and text in ("true", "false"):
            return text == "true"
        if self.typed and _NUMBER.fullmatch(text):
            return int(text) if _INTEGER.fullmatch(text) and len(text) < 19 else float(text)
        return text

    def where(self, event: Any) -> LineColumn:
        mark = event.start_mark
        return self.first_line + mark.line, mark.column + 1

    def place(self, event: Any) -> Place:
        return Place(self.file, *self.where(event))

    def refusal(self, event: Any, message: str, fix: str) -> CharleyError:
        return CharleyError([Problem(self.place(event), message, fix)])


def quoted_tag(tag: str) -> str:
    """Show a YAML tag in a message, cut when long."""
    return repr(tag[:40])
