"""A request that is refused: what is wrong, as the OperationOutcome that clinical systems read."""

from typing import Any


class CallRefused(Exception):
    """A request that is not answered with cards: the HTTP status, the kind of issue, and what to tell, one text an issue."""

    def __init__(self, status: int, code: str, *diagnostics: str) -> None:
        super().__init__("; ".join(diagnostics))
        self.status, self.code, self.diagnostics = status, code, diagnostics


def outcome(diagnostics: tuple[str, ...], code: str) -> dict[str, Any]:
    """Return the OperationOutcome (FHIR R4) of something that was refused."""
    issues = [{"severity": "error", "code": code, "diagnostics": text} for text in diagnostics]
    return {"resourceType": "OperationOutcome", "issue": issues}
