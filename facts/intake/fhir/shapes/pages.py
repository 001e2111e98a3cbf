"""Search results that are one page of a longer answer: what is on the other pages would be missed in silence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from facts.intake.fhir.shapes.values import object_of, objects_of, text_of
from facts.problems import Place, Problem

_BEFORE = frozenset({"previous", "prev"})


@dataclass(frozen=True, slots=True)
class Page:
    """A search result: its own address and that of the next page ("" for none), and how many of how many matches it holds."""

    place: Place
    address: str
    following: str
    is_first: bool
    matches: int
    total: int | None


def page_of(value: Any, place: Place) -> Page | None:
    """Read a Bundle as a page; None for what is no search result, or says nothing of other pages."""
    bundle = object_of(value)
    if bundle.get("resourceType") != "Bundle":
        return None
    links: dict[str, str] = {}
    for link in objects_of(bundle.get("link")):
        links.setdefault(text_of(link.get("relation")), _address(link.get("url")))
    total = _count(bundle.get("total"))
    if "next" not in links and total is None:
        return None
    modes = [text_of(object_of(entry.get("search")).get("mode")) for entry in objects_of(bundle.get("entry"))]
    matches = sum(mode in ("match", "") for mode in modes)
    is_first = not _BEFORE & set(links) and links.get("first", links.get("self", "")) == links.get("self", "")
    return Page(place, links.get("self", ""), links.get("next", ""), is_first, matches, total)


def missing_pages(pages: Sequence[Page]) -> Iterator[Problem]:
    """Tell of the pages whose next one is not among them, and of a first page that holds less than it counts."""
    addresses = {page.address for page in pages if page.address}
    for page in pages:
        of_all = "" if page.total is None else f" ({page.matches:,} of {page.total:,} entries)"
        message = f"this is one page of a longer answer{of_all}; what is on the other pages is unknown here"
        fix = "fetch every page (link.relation `next`), and give them all"
        if page.following:
            if page.following not in addresses:
                yield Problem(page.place, message, fix)
        elif page.total is not None and page.total > page.matches and page.is_first:
            yield Problem(page.place, message, fix)


def _address(value: Any) -> str:
    # Cutting an address would make two of one.
    return value.strip() if isinstance(value, str) else "?"


def _count(value: Any) -> int | None:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None
