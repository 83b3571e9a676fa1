"""Signatures of Standard Webhooks 1.0: HMAC-SHA256 over id, time and body, which a receiver can check with any library.

Own code, of a dozen lines: the specification's library would be one more dependency of every worker. The tests verify
with that library.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING

from airflow_provider_hubspot_deals.client.secret import SecretBytes
from airflow_provider_hubspot_deals.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

_PREFIX = "whsec_"
KEY_BYTES_MIN, KEY_BYTES_MAX = 24, 64  # as the specification has them


def signing_keys(text: str) -> tuple[SecretBytes, ...]:
    """The keys in a connection's password: one, or several with spaces between them while they are being changed.

    Args:
        text: each key as ``whsec_`` and base64, as receivers are given it.

    Raises:
        ConfigurationError: says what a key must be, and not what it is.
    """
    keys = tuple(_key(word) for word in text.split())
    if not keys:
        raise ConfigurationError("the password is empty; it must be the signing secret, whsec_ and base64")
    return keys


def signatures(keys: Sequence[bytes], *, event_id: str, timestamp_s: int, body: bytes) -> str:
    """The header ``webhook-signature``: one for each key, so that a receiver may have the old one or the new one."""
    signed = b".".join([event_id.encode(), str(timestamp_s).encode(), body])
    return " ".join(f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}" for key in keys)


def _key(word: str) -> SecretBytes:
    try:
        key = SecretBytes(base64.b64decode(word.removeprefix(_PREFIX), validate=True))
    except (binascii.Error, ValueError):
        key = SecretBytes()
    if not (word.startswith(_PREFIX) and KEY_BYTES_MIN <= len(key) <= KEY_BYTES_MAX):
        raise ConfigurationError(
            f"the password must be a signing secret: {_PREFIX} and base64 of {KEY_BYTES_MIN} to {KEY_BYTES_MAX} bytes, "
            "such as `openssl rand -base64 32` makes"
        )
    return key
