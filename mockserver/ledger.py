"""What tasks cost: units are reserved when a task is accepted, charged when it succeeds, returned when it fails."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mockserver import timeline
from mockserver.api import Lifecycle
from mockserver.timeline import Timeline

RESERVED, CHARGED, RETURNED = "reserved", "charged", "returned"


def state(marks: Timeline, now_ms: int, lifecycle: Lifecycle) -> str:
    """Where the task's units are now."""
    status = timeline.at(marks, now_ms).status
    if not lifecycle.is_end(status):
        return RESERVED
    return CHARGED if status == lifecycle.success else RETURNED


def text(units: Decimal) -> str:
    """Units as the wire writes them: no exponent, no needless zeros."""
    written = f"{units:f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def pack(terms: Mapping[str, Any], pack_id: str, bought: Decimal, left: Decimal, since_ms: int) -> dict[str, Any]:
    """A resource pack as the account's costs show it; `terms` are the document's `x-kling-pack`."""
    return {
        "resource_pack_name": terms["name"],
        "resource_pack_id": pack_id,
        "resource_pack_type": terms["type"],
        "total_quantity": float(bought),
        "remaining_quantity": float(left),
        "purchase_time": since_ms,
        "effective_time": since_ms,
        "invalid_time": since_ms + terms["lifetime_ms"],
        "status": terms["online"] if left > 0 else terms["run_out"],
    }
