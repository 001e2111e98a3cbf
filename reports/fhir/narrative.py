"""What a FHIR resource says to a reader: a little XHTML in which text means only itself."""

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from reports.words.cleaning import clean

# XML has no way to write these at all.
_NOT_XML = re.compile("[\ufffe\uffff]")


def told(text: str) -> str:
    """Return text for a string of FHIR, which is never empty and holds nothing that drives a screen."""
    return _NOT_XML.sub("\ufffd", clean(text)) or "-"


def narrative(*blocks: str | Sequence[str]) -> dict[str, Any]:
    """Return a Narrative: a paragraph for a text, a list for several."""
    inside = "".join(_block(block) for block in blocks if block)
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{inside}</div>'}


def _block(block: str | Sequence[str]) -> str:
    if isinstance(block, str):
        return f"<p>{_escaped(block)}</p>"
    return f"<ul>{''.join(f'<li>{_escaped(item)}</li>' for item in block)}</ul>"


def _escaped(text: str) -> str:
    return escape(told(text), quote=False)


def joined(sentences: Iterable[str]) -> str:
    """Return sentences as one text, each once."""
    return " ".join(dict.fromkeys(told(sentence) for sentence in sentences))
