"""Several versions of one resource: the newest counts, and where nothing tells which that is, all are read and it is told."""

from collections.abc import Mapping, Sequence
from typing import Any

from facts.intake.fhir.shapes.moments import moment_of
from facts.intake.fhir.shapes.resources import Resource
from facts.intake.fhir.shapes.values import object_of, text_of
from facts.problems import Problem

_ONLY_DATES = frozenset({"Patient", "Encounter", "DiagnosticReport"})
"""Kinds of which nothing is read that two versions could contradict, or that are compared elsewhere: the last one counts."""


def current_versions(resources: Sequence[Resource]) -> tuple[list[Resource], list[Problem]]:
    """Keep the newest version of each resource, in an order that does not hang on theirs; tell where that is not known."""
    named: dict[str, list[Resource]] = {}
    kept: list[Resource] = []
    problems: list[Problem] = []
    for resource in resources:
        if text_of(resource.value.get("id")):
            named.setdefault(resource.name, []).append(resource)
        else:
            kept.append(resource)
    for name, versions in named.items():
        last = max(map(_version, versions))
        newest = [one for one in versions if _version(one) == last]
        if newest[-1].kind in _ONLY_DATES:
            kept.append(newest[-1])
            continue
        different: list[Resource] = []
        for one in newest:
            if not any(_content(one) == _content(other) for other in different):
                different.append(one)
        kept += different
        if len(different) > 1:
            message = (
                f"{name} is there {len(different)} times, and not alike; nothing tells which is the newest, and all are read"
            )
            fix = "give each resource once, with its meta.lastUpdated, and the files of several servers apart"
            problems.append(Problem(different[-1].place, message, fix))
    return sorted(kept, key=lambda resource: (resource.kind, resource.name, resource.place)), problems


def _version(resource: Resource) -> tuple[str, int]:
    meta = object_of(resource.value.get("meta"))
    updated, number = moment_of(meta.get("lastUpdated")), text_of(meta.get("versionId"))
    return (updated.instant.isoformat() if updated else "", int(number) if number.isdecimal() and len(number) < 10 else 0)


def _content(resource: Resource) -> Mapping[str, Any]:
    return {key: value for key, value in resource.value.items() if key != "meta"}
