"""Callbacks are signed as the published scheme says, and a secret one cannot sign with is turned away by name."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mockserver.signature import check_secret, webhook_headers

PUBLISHED_SECRET = "whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI="
PUBLISHED_BODY = (
    b'{"id":"1234567890","status":"succeeded","message":"","create_time":1781080778802,"update_time":1781080794151}'
)


def test_the_published_example_gets_the_published_signature() -> None:
    """The example of the API's own page comes out letter for letter."""
    headers = webhook_headers(PUBLISHED_SECRET, delivery_id="9876543210", timestamp_s=1781080794, body=PUBLISHED_BODY)
    assert headers == {
        "webhook-id": "9876543210",
        "webhook-timestamp": "1781080794",
        "webhook-signature": "v1,UsKlJP00XoQyOn410NM9xv34sP+Gl0jnOO9Lcpr7NJ4=",
    }


@given(
    key=st.binary(min_size=1, max_size=80),
    delivery_id=st.text("0123456789", min_size=1),
    timestamp_s=st.integers(0, 2**40),
    body=st.binary(),
)
@example(key=b"k", delivery_id="1", timestamp_s=1, body=b' {"a": 1}\r\n\x00\xff')
def test_any_body_at_all_is_signed_as_its_very_bytes(
    key: bytes, delivery_id: str, timestamp_s: int, body: bytes
) -> None:
    """A receiver that follows the scheme step by step finds the same signature, whatever the bytes are."""
    secret = "whsec_" + base64.b64encode(key).decode()
    headers = webhook_headers(secret, delivery_id=delivery_id, timestamp_s=timestamp_s, body=body)
    signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_a_secret_that_can_sign_is_accepted() -> None:
    """The published secret passes."""
    check_secret(PUBLISHED_SECRET)


@pytest.mark.parametrize(
    ("secret", "complaint"),
    [
        ("", "begins with whsec_"),
        ("dGVzdHNlY3JldA==", "begins with whsec_"),
        ("WHSEC_dGVzdHNlY3JldA==", "begins with whsec_"),
        ("whsec_", "nothing follows"),
        ("whsec_dGVzdHNlY3JldA", "followed by base64; this one is not"),
        ("whsec_dGVz dHNl", "followed by base64; this one is not"),
        ("whsec_dGVz-_Nl", "followed by base64; this one is not"),
        ("whsec_dGVz\n", "followed by base64; this one is not"),
        ("whsec_gehéimes", "followed by base64; this one is not"),
    ],
)
def test_a_secret_that_cannot_sign_is_turned_away_without_being_repeated(secret: str, complaint: str) -> None:
    """Checking and signing raise the same error; it says what is wrong and keeps the secret to itself."""
    with pytest.raises(ValueError, match=complaint) as checked:
        check_secret(secret)
    with pytest.raises(ValueError, match=complaint) as signed:
        webhook_headers(secret, delivery_id="1", timestamp_s=1, body=b"")
    assert str(checked.value) == str(signed.value)
    assert not secret.removeprefix("whsec_") or secret.removeprefix("whsec_") not in str(checked.value)
