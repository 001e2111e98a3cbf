"""Documents that Charley wrote itself: they hold conclusions, and a conclusion is never read as a finding."""

from collections.abc import Mapping
from typing import Any

from facts.intake.fhir.shapes.values import object_of, objects_of

DEVICE_NAME = "Charley"
"""The name of the Device that is the author of these documents."""


def is_own_document(bundle: Mapping[str, Any]) -> bool:
    """Return whether a Bundle is a document of Charley's."""
    if bundle.get("type") != "document":
        return False
    content = [object_of(entry.get("resource")) for entry in objects_of(bundle.get("entry"))]
    devices = [resource for resource in content if resource.get("resourceType") == "Device"]
    return any(name.get("name") == DEVICE_NAME for device in devices for name in objects_of(device.get("deviceName")))
