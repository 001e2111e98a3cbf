"""Whether the service works, for what watches over it: no sign-in, and nothing of a patient."""

from starlette.responses import JSONResponse, Response

from expert.failure_log import LOG
from expert.private_sqlite import StoreError
from expert.web.service import Service


def health(service: Service) -> Response:
    """Say whether consultations can be kept and read; 503 where they cannot."""
    try:
        service.store.probe()
    except StoreError as error:
        LOG.error("%s", error)
        return JSONResponse({"status": "the store cannot be used"}, 503)
    return JSONResponse({"status": "ok", "knowledge": service.knowledge.hash})
