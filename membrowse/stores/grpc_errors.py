"""What an error of pymilvus says of the server. Light to import."""

from __future__ import annotations

_REFUSALS = ("UNAUTHENTICATED", "PERMISSION_DENIED")


def grpc_status(error: Exception) -> str:
    """The name of the gRPC status of `error`, or of what made pymilvus raise it; empty if there is
    none."""
    for each in (error, error.__cause__):
        code = getattr(each, "code", None)
        if callable(code):
            return str(getattr(code(), "name", ""))
    return ""


def refusal(error: Exception) -> str:
    """The status by which the server refused the token; empty if it did not."""
    status = grpc_status(error)
    return status if status in _REFUSALS else ""
