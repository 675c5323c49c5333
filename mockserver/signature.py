"""The three headers by which a receiver knows that a callback is ours and is not stale.

The scheme is Standard Webhooks: an HMAC-SHA256, under the decoded secret, of `{id}.{timestamp}.{body}`. What is signed
is the body's very bytes, so a receiver that parses and prints it again before it checks will find that out here.
"""

import base64
import binascii
import hmac

__all__ = ["check_secret", "webhook_headers"]

_PREFIX = "whsec_"


def webhook_headers(secret: str, *, delivery_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """`webhook-id`, `webhook-timestamp` and `webhook-signature` of a body that goes out at `timestamp_s`, Unix seconds.

    Raises:
        ValueError: as `check_secret`.
    """
    text = f"{delivery_id}.{timestamp_s}.".encode() + body
    digest = hmac.digest(_key(secret), text, "sha256")
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }


def check_secret(secret: str) -> None:
    """Return if one can sign with `secret`.

    Raises:
        ValueError: it is not `whsec_` followed by base64 of at least one byte. The message never holds the secret.
    """
    _key(secret)


def _key(secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        raise ValueError(f"a webhook secret begins with {_PREFIX}; this one does not")
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"a webhook secret is {_PREFIX} followed by base64; this one is not: {error}") from error
    if not key:
        raise ValueError(
            f"a webhook secret is {_PREFIX} followed by base64; after this one's {_PREFIX} nothing follows"
        )
    return key
