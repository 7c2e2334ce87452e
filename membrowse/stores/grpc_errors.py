"""What an error of pymilvus says of the server. Light to import."""

from __future__ import annotations

_REFUSALS = ("UNAUTHENTICATED", "PERMISSION_DENIED")


def grpc_status(error: Exception) -> str:
    """The name of the gRPC status that made pymilvus raise `error`; empty if there is none."""
    code = getattr(error.__cause__, "code", None)
    return str(getattr(code(), "name", "")) if callable(code) else ""


def refusal(error: Exception) -> str:
    """The status by which the server refused the token; empty if it did not."""
    status = grpc_status(error)
    return status if status in _REFUSALS else ""
