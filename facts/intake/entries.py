"""Files taken apart into the entries that should be cases, so that one broken entry never costs the good ones beside it."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from facts.declaring.yaml_reading import Document, KeyPath, read_document
from facts.nesting import DEEPEST_CASE, is_deeper
from facts.problems import CharleyError, Place, Problem, quoted

LARGEST_FILE = 64 * 1024 * 1024
"""Bytes of one YAML or JSON file, which has to be held in memory; JSON Lines has no such bound."""
LARGEST_LINE = 1024 * 1024
"""Bytes of one line of JSON Lines; a case needs a few thousand."""
HOPELESS_AFTER = 1_000
"""Lines without a single JSON object after which a file is taken for something else than JSON Lines."""

_DOCUMENT_START = re.compile(r"^---(?=[ \t\r\n]|$)", re.MULTILINE)
_ITEM_START = re.compile(r"^-(?=[ \t\r\n]|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """What should be a case: plain data, where each part stands, and what is wrong with its writing already."""

    value: Any
    locate: Callable[[KeyPath, bool], Place]
    problems: tuple[Problem, ...] = ()


def read_entries(path: Path, shown: str) -> Iterator[Entry | Problem]:
    """Return every entry of a file, and in its place a Problem for every part that cannot be read. Never raises for content."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(0)
            yield from _by_format(path, shown, stream, size)
    except OSError as error:
        reason = {"IsADirectoryError": "is a folder"}.get(type(error).__name__, error.strerror or "cannot be read")
        yield Problem(Place(shown), f"cannot be read: {reason}", "check the path")


def _by_format(path: Path, shown: str, stream: BinaryIO, size: int) -> Iterator[Entry | Problem]:
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        yield from _json_lines(stream, shown)
        return
    if size > LARGEST_FILE:
        megabytes = f"{size / 1e6:,.0f} MB, at most {LARGEST_FILE / 1e6:,.0f} MB are read"
        yield Problem(Place(shown), f"too large ({megabytes})", "split it, or write the cases as JSON Lines (.jsonl)")
        return
    # A byte that is not UTF-8 becomes a lone surrogate: only the entry that holds it is refused.
    text = stream.read().decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    if not text.strip():
        yield Problem(Place(shown), "the file is empty", "write a case into it")
    elif path.suffix.lower() == ".json":
        yield from _json(text, shown)
    else:
        yield from read_text(text, shown)


def read_text(text: str, shown: str) -> Iterator[Entry | Problem]:
    """Return every entry of a text that is YAML or JSON, and in its place a Problem for every part that cannot be read."""
    return _json(text, shown) if text.lstrip()[:1] in ("{", "[") else _yaml(text, shown)


def read_mapping(mapping: Mapping[str, object], shown: str) -> Entry | Problem:
    """Return the entry that a program made, read as if it had been written as JSON; its places are paths of keys."""
    try:
        text = json.dumps(mapping, default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        return Problem(Place(shown), f"this cannot be written as JSON: {error}", "use texts, numbers, True, False and None")
    value = _DECODER.decode(text)
    problem = _not_utf8(json.dumps(value, ensure_ascii=False), shown, 0)
    return problem or Entry(value, lambda path, _of_key: Place(".".join([shown, *map(str, path)])))


def _plain(value: object) -> object:
    """Return a number of numpy or Polars as Python's own; json asks this of what it does not know."""
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        return value.item()
    raise TypeError(f"found {quoted(value)} ({type(value).__name__})")


def _yaml(text: str, shown: str) -> Iterator[Entry | Problem]:
    found = False
    for chunk, first_line in _split(text, _DOCUMENT_START, 1):
        for part in _yaml_document(chunk, shown, first_line):
            found = True
            yield part
    if not found:
        yield Problem(Place(shown), "there is no case in this file", "write a case into it")


def _yaml_document(text: str, shown: str, first_line: int) -> Iterator[Entry | Problem]:
    try:
        document = _read_clean(text, shown, first_line)
    except CharleyError as error:
        items = [item for item in _split(text, _ITEM_START, first_line) if item[0].startswith("-")]
        if len(items) < 2:
            yield error.problems[0]
            return
        # One item of a list is broken: read each by itself, and lose only that one.
        for item, line in items:
            try:
                yield from _entries_of(_read_clean(item, shown, line))
            except CharleyError as item_error:
                yield item_error.problems[0]
        return
    yield from _entries_of(document)


def _read_clean(text: str, shown: str, first_line: int) -> Document:
    problem = _not_utf8(text, shown, first_line)
    if problem:
        raise CharleyError([problem])
    return read_document(text, shown, typed=False, first_line=first_line)


def _entries_of(document: Document) -> Iterator[Entry]:
    if isinstance(document.value, list):
        for index, item in enumerate(document.value):
            yield _yaml_entry(document, item, (index,))
    elif document.value is not None:
        yield _yaml_entry(document, document.value, ())


def _yaml_entry(document: Document, value: Any, at: KeyPath) -> Entry:
    problems = tuple(problem for path, problem in document.problems if path[: len(at)] == at)
    return Entry(value, lambda path, of_key: document.place((*at, *path), of_key=of_key), problems)


def _split(text: str, start: re.Pattern[str], first_line: int) -> Iterator[tuple[str, int]]:
    """Cut a text before every match, and give each piece with the number of its first line."""
    cuts = [0, *(match.start() for match in start.finditer(text) if match.start()), len(text)]
    line = first_line
    for begin, end in pairwise(cuts):
        piece = text[begin:end]
        yield piece, line
        line += piece.count("\n")


class _Object(dict[str, Any]):
    """A JSON object that remembers which keys it was given twice, which the parser would otherwise forget."""

    twice: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    built = _Object(pairs)
    if len(built) < len(pairs):
        keys = [key for key, _ in pairs]
        built.twice = tuple(dict.fromkeys(key for key in keys if keys.count(key) > 1))
    return built


# Numbers stay the text that was written, as from YAML; NaN and Infinity become words that no finding accepts.
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=str, parse_int=str, parse_constant=str)


def _json(text: str, shown: str) -> Iterator[Entry | Problem]:
    at = _skip_space(text, 0)
    many = text[at] == "["
    at += many
    line, counted = 1, 0
    while True:
        at = _skip_space(text, at)
        if many and text[at : at + 1] == "]":
            end = at + 1
            break
        line, counted = line + text.count("\n", counted, at), at
        try:
            value, end = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            place = Place(shown, error.lineno, error.colno)
            yield Problem(place, f"this is not JSON: {error.msg.lower()}; nothing after it is read", "correct it there")
            return
        except RecursionError:
            yield Problem(Place(shown, line), "nested too deep to be a case; nothing after it is read", "write it flatter")
            return
        yield _json_entry(value, shown, line, text[at:end])
        at = _skip_space(text, end)
        if not many:
            break
        if text[at : at + 1] == ",":
            at += 1
        elif text[at : at + 1] != "]":
            line += text.count("\n", counted, at)
            yield Problem(Place(shown, line), "a comma or ] is missing; nothing after it is read", "put it there")
            return
    rest = _skip_space(text, end)
    if rest < len(text):
        line = 1 + text.count("\n", 0, rest)
        yield Problem(
            Place(shown, line), "there is more after the end of the JSON; it is not read", "put the cases in one list"
        )


def _json_lines(stream: BinaryIO, shown: str) -> Iterator[Entry | Problem]:
    number, objects, found = 0, 0, False
    while raw := stream.readline(LARGEST_LINE + 1):
        number += 1
        if len(raw) > LARGEST_LINE:
            while raw and not raw.endswith(b"\n"):
                raw = stream.readline(LARGEST_LINE)
            found = True
            yield Problem(Place(shown, number), f"the line is longer than {LARGEST_LINE:,} bytes", "write one case a line")
        elif raw.strip(b" \t\r\n\xef\xbb\xbf"):
            entry = read_json_line(raw, shown, number)
            objects += isinstance(entry, Entry) and isinstance(entry.value, dict)
            found = True
            yield entry
        if number >= HOPELESS_AFTER and not objects:
            message = f"no JSON object in the first {number:,} lines; the rest is not read"
            yield Problem(Place(shown), message, "write one case, as a JSON object, a line")
            return
    if not found:
        yield Problem(Place(shown), "the file is empty", "write one case, as a JSON object, a line")


def read_json_line(raw: bytes, shown: str, number: int) -> Entry | Problem:
    """Read one line of JSON Lines as an entry, or say what is wrong with it."""
    text = raw.decode("utf-8", "surrogateescape").removeprefix("\ufeff").strip()
    try:
        value, end = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        return Problem(Place(shown, number, error.colno), f"this is not JSON: {error.msg.lower()}", "correct the line")
    except RecursionError:
        return Problem(Place(shown, number), "nested too deep to be a case", "write it flatter")
    rest = _skip_space(text, end)
    if rest < len(text):
        return Problem(Place(shown, number, rest + 1), "there is more after the JSON object", "write one case a line")
    return _json_entry(value, shown, number, text)


def _json_entry(value: Any, shown: str, line: int, text: str) -> Entry | Problem:
    place = Place(shown, line)
    if is_deeper(value, DEEPEST_CASE):
        return Problem(place, f"nested more than {DEEPEST_CASE} levels deep", "write it flatter")
    # A lone surrogate may also be spelled out, as "\\ud800".
    spelled = json.dumps(value, ensure_ascii=False) if "\\u" in text else ""
    problem = _not_utf8(text, shown, line) or _not_utf8(spelled, shown, line)
    keys = list(_keys_given_twice(value))
    if problem:
        return problem
    problems = tuple(Problem(place, f"the key {quoted(key)} stands twice", "keep one of them") for key in keys)
    return Entry(value, lambda _path, _of_key: place, problems)


def _keys_given_twice(value: Any) -> Iterator[str]:
    if isinstance(value, _Object):
        yield from value.twice
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        if isinstance(part, dict | list):
            yield from _keys_given_twice(part)


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _not_utf8(text: str, shown: str, first_line: int) -> Problem | None:
    """Find a byte that was not UTF-8, or a lone surrogate that JSON spelled out: neither can be written anywhere again."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        line = first_line + text.count("\n", 0, error.start)
        return Problem(Place(shown, line), "this is not UTF-8 text", "save the file as UTF-8")
    return None
