"""FHIR R4 files taken apart into resources: Bundles, single resources, lists of them, and NDJSON; plain or gzip."""

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from facts.intake.entries import HOPELESS_AFTER, LARGEST_FILE
from facts.intake.fhir.own_documents import is_own_document
from facts.intake.fhir.shapes.containers import contained_in
from facts.intake.fhir.shapes.modifiers import why_not_understood
from facts.intake.fhir.shapes.operation_outcomes import refused_entry
from facts.intake.fhir.shapes.pages import Page, page_of
from facts.intake.fhir.shapes.resources import Resource
from facts.intake.fhir.shapes.values import described, object_of, objects_of, reference_of, text_of
from facts.nesting import DEEPEST_RECORD, is_deeper
from facts.problems import Place, Problem, quoted

LARGEST_RECORD_LINE = 16 * 1024 * 1024
"""Bytes of one line of NDJSON; an attachment may be large, an observation needs a thousand."""
_LINES = (".ndjson", ".jsonl")
_ENDINGS = (".json", ".xml", *_LINES)
_SNIFFED = 65_536
_DEEPEST_BUNDLE = 3
_RESOURCE = re.compile(rb'"resourceType"\s*:')
_SUBJECTS = ("subject", "patient", "medicationReference")
"""References that are followed."""


class _TwiceError(ValueError):
    """An object that has one key twice, so that nobody knows which value is meant."""


def is_fhir(path: Path) -> bool:
    """Return whether a file holds FHIR resources, by its ending and its beginning. Never raises."""
    endings = [ending for ending in map(str.lower, path.suffixes) if ending != ".gz"]
    if not endings or endings[-1] not in _ENDINGS or not path.is_file():
        return False
    try:
        with _open(path) as stream:
            beginning = stream.read(_SNIFFED)
            return _RESOURCE.search(beginning) is not None or _is_xml(beginning)
    except (OSError, EOFError, zlib.error):
        # Only FHIR is read from gzip, so that is who tells that it is broken.
        return path.suffix.lower() == ".gz"


def _is_xml(beginning: bytes) -> bool:
    return beginning.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<") and b"http://hl7.org/fhir" in beginning


def read_resources(path: Path, shown: str) -> Iterator[Resource | Problem | Page]:
    """Return every resource of a file, a Page for a search result, and a Problem in the place of what cannot be read.

    Never raises for content.
    """
    try:
        with _open(path) as stream:
            if _is_xml(stream.read(_SNIFFED)):
                fix = "ask the server for application/fhir+json, or convert it"
                yield Problem(Place(shown), "it is FHIR in XML, which is not read", fix)
                return
            stream.seek(0)
            lines = path.name.lower().removesuffix(".gz").endswith(_LINES)
            yield from _lines(stream, shown) if lines else _document(stream, shown)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "the gzip file is broken"
        yield Problem(Place(shown), f"cannot be read: {reason}", "check the path, and that the file is whole")


def _open(path: Path) -> BinaryIO:
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")  # type: ignore[return-value]


def _document(stream: BinaryIO, shown: str) -> Iterator[Resource | Problem | Page]:
    raw = stream.read(LARGEST_FILE + 1)
    if len(raw) > LARGEST_FILE:
        limit = f"{LARGEST_FILE / 1e6:,.0f} MB"
        yield Problem(Place(shown), f"too large (at most {limit} are read)", "split it, or export it as NDJSON")
        return
    value = _parsed(raw, Place(shown))
    if isinstance(value, Problem):
        yield value
    elif isinstance(value, list):
        for number, item in enumerate(value, 1):
            yield from _with_page(item, Place(shown, number))
    else:
        yield from _with_page(value, Place(shown, 1))


def _with_page(value: Any, place: Place, *, lines: bool = False) -> Iterator[Resource | Problem | Page]:
    if (page := page_of(value, place)) is not None:
        yield page
    yield from resources_of(value, place, lines=lines)


def _lines(stream: BinaryIO, shown: str) -> Iterator[Resource | Problem | Page]:
    number, found = 0, False
    while raw := stream.readline(LARGEST_RECORD_LINE + 1):
        number += 1
        place = Place(shown, number)
        if len(raw) > LARGEST_RECORD_LINE:
            while raw and not raw.endswith(b"\n"):
                raw = stream.readline(LARGEST_RECORD_LINE)
            yield Problem(place, f"the line is longer than {LARGEST_RECORD_LINE:,} bytes", "write one resource a line")
        elif raw.strip():
            value = _parsed(raw, place)
            if isinstance(value, Problem):
                yield value
            else:
                found = True
                yield from _with_page(value, place, lines=True)
        if number >= HOPELESS_AFTER and not found:
            message = f"no resource in the first {number:,} lines; the rest is not read"
            yield Problem(Place(shown), message, "write one FHIR resource, as a JSON object, a line")
            return


def _parsed(raw: bytes, place: Place) -> Any:
    """Parse JSON, or say why it cannot be."""
    try:
        text = raw.decode("utf-8-sig")
        value = _DECODER.decode(text)
        if is_deeper(value, DEEPEST_RECORD):
            raise RecursionError
        if "\\ud" in text or "\\uD" in text:
            # Half of a surrogate pair is no text, and could not be written anywhere again.
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        line = place.line + error.lineno - 1 if place.line else error.lineno
        return Problem(Place(place.file, line, error.colno), f"this is not JSON: {error.msg.lower()}", "correct it there")
    except UnicodeError:
        return Problem(place, "this is not UTF-8 text", "save it as UTF-8")
    except _TwiceError as error:
        return Problem(place, str(error), "keep one of them")
    except RecursionError:
        return Problem(place, "nested too deep to be a resource", "check how it was made")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) < len(pairs):
        keys = [key for key, _ in pairs]
        again = next(key for key in keys if keys.count(key) > 1)
        raise _TwiceError(f"the key {quoted(again)} stands twice")
    return built


def resources_of(value: Any, place: Place, *, lines: bool = False) -> Iterator[Resource | Problem]:
    """Return a parsed resource, or those of a Bundle; on `lines` of NDJSON an entry's place is its line."""
    return _resources(value, place, {}, 0, lines=lines)


# Numbers stay the text that was written, so that no decimal changes and no size of number matters.
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_object)


def _resources(
    value: Any, place: Place, urls: Mapping[str, str], depth: int, *, lines: bool = False
) -> Iterator[Resource | Problem]:
    kind = object_of(value).get("resourceType")
    if not isinstance(value, dict) or not isinstance(kind, str):
        yield Problem(place, f"found {described(value)}, expected a FHIR resource", "give it a resourceType")
    elif kind != "Bundle":
        resource = Resource(_resolved(value, urls), place)
        yield resource
        yield from contained_in(resource)
    elif depth >= _DEEPEST_BUNDLE:
        yield Problem(place, "a Bundle in a Bundle in a Bundle is not read", "write its resources in one Bundle")
    else:
        yield from _bundle(value, place, depth, lines=lines)


def _bundle(bundle: Mapping[str, Any], place: Place, depth: int, *, lines: bool) -> Iterator[Resource | Problem]:
    entries = bundle.get("entry")
    envelope = {key: part for key, part in bundle.items() if key != "entry"}
    if reason := why_not_understood(envelope):
        yield Problem(place, f"the Bundle is not read: {reason}", "send it without them")
        return
    if is_own_document(bundle):
        message = "a document of Charley's own: its conclusions are no findings, and nothing in it is read"
        yield Problem(place, message, "give the record that it was made from")
        return
    if entries is None:
        # An empty search result is a Bundle without entries: it says nothing, and nothing is wrong with it.
        return
    if not isinstance(entries, list):
        yield Problem(place, f"entry: found {described(entries)}, expected a list", "write the entries as a list")
        return
    urls = _named_by_url(entries)
    deleted = set(_deleted(entries))
    for number, entry in enumerate(entries, 1):
        # On a line of NDJSON the line is the place; in a file of its own the entry is.
        where = Place(place.file, place.line, number) if lines or depth else Place(place.file, number)
        content = object_of(entry).get("resource")
        if content is None:
            request = object_of(object_of(entry).get("request"))
            if refused := refused_entry(object_of(entry)):
                yield Problem(where, f"the server gave nothing for entry {number}: {refused}", "ask the server again")
            elif not isinstance(entry, dict) or (text_of(request.get("method")) != "DELETE" and "response" not in entry):
                yield Problem(where, f"entry {number} holds no resource", "give it one, or remove it")
        elif isinstance(content, dict) and f"{content.get('resourceType')}/{content.get('id')}" in deleted:
            yield from _resources(_void(content), where, urls, depth + 1)
        elif (
            isinstance(content, dict) and not content.get("id") and (name := urls.get(text_of(object_of(entry).get("fullUrl"))))
        ):
            yield from _resources({**content, "id": name.rpartition("/")[2]}, where, urls, depth + 1)
        else:
            yield from _resources(content, where, urls, depth + 1)


def _deleted(entries: list[Any]) -> Iterator[str]:
    """Return what a history says was deleted: "Observation/123"."""
    for entry in objects_of(entries):
        request = object_of(entry.get("request"))
        if text_of(request.get("method")) == "DELETE":
            yield reference_of({"reference": request.get("url")})


def _void(content: dict[str, Any]) -> dict[str, Any]:
    """Return a deleted resource as one that was entered in error, which is never used and always told."""
    if content.get("resourceType") == "Patient":
        return content
    return {**content, "status": "entered-in-error", "verificationStatus": "entered-in-error"}


def _named_by_url(entries: list[Any]) -> dict[str, str]:
    """Return what the full URLs of a Bundle's entries stand for: "Patient/123"."""
    named = {}
    for entry in objects_of(entries):
        url, content = text_of(entry.get("fullUrl")), object_of(entry.get("resource"))
        kind, own = text_of(content.get("resourceType")), text_of(content.get("id"))
        if url and kind:
            named[url] = f"{kind}/{own or url.rpartition(':')[2].rpartition('/')[2]}"
    return named


def _resolved(resource: dict[str, Any], urls: Mapping[str, str]) -> dict[str, Any]:
    """Write references to a Bundle's own entries as "Type/id", so that they mean the same outside of it."""
    changed = {}
    for element in _SUBJECTS if urls else ():
        reference = object_of(resource.get(element))
        if (named := urls.get(text_of(reference.get("reference")))) is not None:
            changed[element] = {**reference, "reference": named}
    return {**resource, **changed}
