"""Print the lowest versions that setup.cfg allows, one requirement a line: `make test-lowest` installs these and runs tests.

A bound that was never tried is a promise that nobody keeps. Linters and types are left out.
"""

import re
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

SETUP = Path(__file__).parents[1] / "setup.cfg"
EXTRAS = ("prove", "web")
TOOLS = ("pytest", "hypothesis", "jsonschema", "fhir.resources", "fhirpathpy", "simple-icd-10-cm", "pexpect", "pytest-xdist")
_REQUIREMENT = re.compile(r"([A-Za-z0-9_.-]+)(\[[a-z,]+\])?(?:>=|==)([0-9][^,; ]*)")


def lowest_versions(setup: Path = SETUP) -> Iterator[str]:
    """Return `name==version` for every requirement with a lower bound."""
    read = ConfigParser()
    read.read(setup, encoding="utf-8")
    listed = [read["options"]["install_requires"], *(read["options.extras_require"][extra] for extra in EXTRAS)]
    tools = read["options.extras_require"]["test"].splitlines()
    listed.append("\n".join(line for line in tools if _name(line) in TOOLS))
    for line in "\n".join(listed).splitlines():
        if found := _REQUIREMENT.match(line):
            yield f"{found[1]}{found[2] or ''}=={found[3]}"


def _name(requirement: str) -> str:
    found = _REQUIREMENT.match(requirement)
    return found[1] if found else ""


if __name__ == "__main__":
    # With --tools: what runs the tests, in whatever version there is.
    shown = TOOLS if sys.argv[1:] == ["--tools"] else lowest_versions()
    sys.stdout.writelines(f"{line}\n" for line in shown)
