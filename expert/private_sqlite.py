"""SQLite files with patient data: private to their owner, and errors that say what to do."""

_WAIT_MS = 5_000


class StoreError(Exception):
    """The store cannot be used as asked: what happened, and what to do."""


def _explained(error: str) -> str:
    for part, told in (
        ("readonly", "can only be read; check its permissions, or name another with --store"),
        ("read-only", "can only be read; check its permissions, or name another with --store"),
        ("full", "the disk is full; make room, or name another with --store"),
        ("disk I/O", "cannot be written: the disk is full or fails; make room, or name another with --store"),
        ("locked", "another program holds it; try again"),
        ("unable to open", "cannot be opened; check the path and its permissions, or name another with --store"),
    ):
        if part in error:
            return told
    return error
