"""Sources as they are cited to people: who, what, when, where it was published, and whether anybody checked it."""

from knowledge_base.declarations import Source

UNCHECKED = {
    "general_knowledge": "general medical knowledge, unchecked",
    "inference": "inferred for this knowledge base, unchecked",
    "machine_written": "machine-written, unchecked",
}
"""Kinds of evidence that are shown as unchecked wherever they are cited."""

_READ = {"in_a_copy": "read in a copy", "in_a_summary": "read in a summary", "not_read": "not read"}


def is_checked(source: Source) -> bool:
    """Return whether the source is a work that can be looked up, rather than what somebody or something believes."""
    return source.kind not in UNCHECKED


def citation(source: Source) -> str:
    """Cite a source on one line; an unchecked one says so."""
    parts = [source.by, source.title]
    if source.section:
        parts.append(source.section)
    cited = ". ".join(part.rstrip(".") for part in parts if part)
    if source.year:
        cited += f", {source.year}"
    where = [f"doi:{source.doi}" if source.doi else "", f"PMID {source.pmid}" if source.pmid else "", source.url or ""]
    cited = "; ".join([cited, *(place for place in where if place)])
    marked = UNCHECKED.get(source.kind) or _READ.get(source.read or "", "")
    return f"{cited} [{marked}]" if marked else cited
