"""Print every library that is installed here, its version, and the day on which it was installed, the oldest first."""

import sys
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path


def main() -> None:
    """Print one line a library."""
    rows = set()
    for found in distributions():
        made = Path(str(found.locate_file(""))).stat().st_mtime
        if found.files:
            record = next((file for file in found.files if file.name in ("RECORD", "METADATA", "PKG-INFO")), None)
            if record is not None and Path(str(record.locate())).exists():
                made = Path(str(record.locate())).stat().st_mtime
        rows.add((datetime.fromtimestamp(made, UTC).date().isoformat(), found.metadata["Name"], found.version))
    for day, name, version in sorted(rows):
        sys.stdout.write(f"{day}  {name} {version}\n")


if __name__ == "__main__":
    main()
