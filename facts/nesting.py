"""How deep JSON is nested, for its readers: the parser takes more levels than what comes after it can walk."""

from typing import Any

from facts.declaring.yaml_reading import DEEPEST

DEEPEST_CASE = DEEPEST
DEEPEST_RECORD = 200
"""Levels of a FHIR resource; a nested questionnaire or extension needs some tens."""


def is_deeper(value: Any, levels: int) -> bool:
    """Return whether a parsed value is nested more than so many levels deep; never recurses itself."""
    layer = [value]
    for _ in range(levels + 1):
        layer = [
            part
            for container in layer
            if isinstance(container, dict | list)
            for part in (container.values() if isinstance(container, dict) else container)
            if isinstance(part, dict | list)
        ]
        if not layer:
            return False
    return True
