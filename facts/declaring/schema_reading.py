"""YAML read against what is declared, with every mistake told at its line: for the vocabulary and the knowledge alike."""

from dataclasses import is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from facts.declaring.yaml_reading import Document, KeyPath, read_document
from facts.problems import CharleyError, Place, Problem, did_you_mean, quoted

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Model = TypeVar("Model")

_CHECKERS: dict[type[Any], Any] = {}
"""What was made to check each class; to make it takes longer than to check a file."""


def read_knowledge_file(path: Path, shown: str) -> Document:
    """Read a YAML file of knowledge or vocabulary; `shown` is how messages name it. Raises CharleyError."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        problem = Problem(Place(shown), f"cannot be read: {error.strerror}", "check the path")
        raise CharleyError([problem]) from None
    except UnicodeDecodeError as error:
        problem = Problem(Place(shown), f"byte {error.start + 1} is not UTF-8", "save the file as UTF-8")
        raise CharleyError([problem]) from None
    document = read_document(text, shown, typed=True)
    if document.problems:
        raise CharleyError(problem for _, problem in document.problems)
    return document


def validate(model: type[Model], document: Document, value: Any = None, *, at: KeyPath = ()) -> Model:
    """Make a `model` of `value` (the document's own by default), which stands at the path `at`. Raises CharleyError."""
    from pydantic import ValidationError

    checking = checker(model)
    try:
        return checking.validate_python(document.value if value is None else value)
    except ValidationError as error:
        problems = [_problem(details, document, at, model) for details in error.errors(include_url=False)]
        raise CharleyError(sorted(set(problems))) from None


def checker(model: type[Model]) -> "TypeAdapter[Model]":
    """Return what checks that a value is what a `model` declares, and makes one of it."""
    from pydantic import TypeAdapter

    checking: TypeAdapter[Model] | None = _CHECKERS.get(model)
    if checking is None:
        checking = _CHECKERS[model] = TypeAdapter(model)
    return checking


def _problem(details: Any, document: Document, at: KeyPath, model: type[Any]) -> Problem:
    path = at
    # A union adds its own tags to pydantic's location; only what stands in the document leads to a place.
    for part in details["loc"]:
        if (*path, part) in document.places:
            path = (*path, part)
    shown = ".".join(str(part) for part in path) or "this file"
    kind, found = details["type"], details["input"]
    if kind == "extra_forbidden":
        known = _keys_near(model, details["loc"])
        place = document.place(path, of_key=True)
        return Problem(place, f"{shown}: this key is not known", did_you_mean(str(path[-1]), known) or "remove it")
    if kind == "missing":
        return Problem(document.place(path), f"{shown}: `{details['loc'][-1]}` is missing", "add it")
    if kind == "string_type" and isinstance(found, int | float):
        read_as = "yes or no" if isinstance(found, bool) else "number"
        fix = "put it in quotes" if "code" in shown.casefold() else "put text in quotes"
        return Problem(document.place(path), f"{shown}: YAML reads {found!r} as a {read_as}, text was expected", fix)
    reason = details["msg"].removeprefix("Value error, ")
    return Problem(document.place(path), f"{shown}: {reason[:1].lower()}{reason[1:]}, found {quoted(found)}", "correct it")


def _keys_near(model: type[Any], location: KeyPath) -> set[str]:
    """Collect the keys a reader may have meant: those of every class that `model` can hold."""
    seen: set[type[Any]] = set()
    keys: set[str] = set()
    waiting: list[Any] = [model]
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and is_dataclass(kind):
            if kind not in seen:
                seen.add(kind)
                hints = get_type_hints(kind, include_extras=True)
                keys.update(hints)
                waiting.extend(hints.values())
        else:
            waiting.extend(getattr(kind, "__args__", ()))
    return keys
