"""What opens a portal: a private-app token or service key, or an OAuth grant. Nothing here ever shows a secret."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_hubspot_deals.client import calls
from airflow_provider_hubspot_deals.client.clock import Clock
from airflow_provider_hubspot_deals.client.secret import Secret
from airflow_provider_hubspot_deals.exceptions import AuthenticationError, WrongPortalError

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.client.calls import Call
    from airflow_provider_hubspot_deals.client.paths import Paths

# RFC 6750 `b64token`. requests would quote a token with a line break in its error message, so it never gets one.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_TOKEN_LENGTH = range(8, 4097)  # HubSpot: 44 for private apps, up to 512 for OAuth; shorter is a typo
_PRINTABLE = re.compile(r"[!-~]{1,1024}")

_EXPIRES_IN_S = 1800.0  # what HubSpot grants; used when an answer does not say
_REFRESH_AHEAD_S = 120.0

# Sends a form to the token endpoint and returns its JSON object.
TokenRequest = Callable[[Mapping[str, str]], Mapping[str, Any]]


class Credentials(Protocol):
    """What the client needs of a credential. Thread-safe."""

    def access_token(self, request_token: TokenRequest) -> str:
        """The token for the next request, fetched first when there is none or it is about to expire."""

    def may_retry(self, rejected: Sequence[str], *, expired: bool) -> bool:
        """Whether a request is worth sending again after HubSpot answered 401 to each token in ``rejected``."""

    def question_about(self, token: str, paths: Paths) -> Call:
        """What to ask HubSpot to learn which ``scopes`` the access token has; the answer is an object with them."""

    def redact(self, text: str) -> str:
        """``text`` without any of our secrets."""

    @property
    def fingerprint(self) -> str:
        """The same for the same credential, and of no use to anybody who would like to have it."""


def _fingerprint(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class PrivateAppToken:
    """A static bearer token: private app or service key.

    Raises:
        AuthenticationError: it cannot be a token (code ``TOKEN_FORMAT``); the message does not quote it.
    """

    def __init__(self, token: str) -> None:
        self._token = checked_token(token)

    def access_token(self, request_token: TokenRequest) -> str:  # noqa: ARG002 - nothing to fetch
        return self._token

    def may_retry(self, rejected: Sequence[str], *, expired: bool) -> bool:  # noqa: ARG002 - it never does
        # HubSpot: "401s are not a valid indicator that a new access token must be retrieved". They happen.
        return len(rejected) == 1

    def question_about(self, token: str, paths: Paths) -> Call:  # noqa: ARG002 - one path for every version
        return calls.private_app_info(token)

    def redact(self, text: str) -> str:
        return text.replace(self._token, "***")

    @property
    def fingerprint(self) -> str:
        return _fingerprint(self._token)

    def __repr__(self) -> str:
        return "PrivateAppToken(***)"


class OAuthRefreshToken:
    """An OAuth grant: access tokens are fetched with the refresh token, ahead of their expiry, one at a time.

    Args:
        on_token: told each new access token before it is used, so that logs can mask it.
        on_rotated: told the new refresh token when HubSpot replaces it; the old one may stop working.

    Raises:
        AuthenticationError: a part is missing or malformed (code ``TOKEN_FORMAT``).
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        refresh_token: str,
        *,
        on_token: Callable[[str], None] | None = None,
        on_rotated: Callable[[str], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._client_id = _checked_part("client id", client_id)
        self._client_secret = _checked_part("client secret", client_secret)
        self._refresh_token = _checked_part("refresh token", refresh_token)
        self.fingerprint = _fingerprint(client_id, refresh_token)  # of the grant as given, however it is rotated
        self._on_token = on_token
        self._on_rotated = on_rotated
        self._clock = clock or Clock()
        self._lock = threading.Lock()
        self._access_token: Secret | None = None
        self._refresh_at = 0.0
        self._portal_id: object = None
        self._revoked: AuthenticationError | None = None

    def access_token(self, request_token: TokenRequest) -> str:
        with self._lock:
            if self._access_token is None or self._clock.monotonic() >= self._refresh_at:
                self._access_token = self._refresh(request_token)
            return self._access_token

    def may_retry(self, rejected: Sequence[str], *, expired: bool) -> bool:
        if len(set(rejected)) > 1 or len(rejected) > 2:  # noqa: PLR2004 - same token, then a new one
            return False
        if expired or len(rejected) > 1:
            self._discard(rejected[-1])
        return True

    def question_about(self, token: str, paths: Paths) -> Call:
        client = {"client_id": self._client_id, "client_secret": self._client_secret}
        return calls.post_form(paths.oauth_introspection, {**client, "token_type_hint": "access_token", "token": token})

    def redact(self, text: str) -> str:
        for secret in (self._access_token, self._refresh_token, self._client_secret):
            text = text.replace(secret, "***") if secret else text
        return text

    def __repr__(self) -> str:
        return f"OAuthRefreshToken(client_id={self._client_id!r}, ***)"

    def _discard(self, token: str) -> None:
        with self._lock:
            if self._access_token == token:  # else another thread has fetched a newer one meanwhile
                self._access_token = None

    def _refresh(self, request_token: TokenRequest) -> Secret:
        if self._revoked is not None:
            raise self._revoked
        asked = self._clock.monotonic()
        try:
            grant = _concealed(request_token(self._form()))
        except AuthenticationError as error:
            self._revoked = error  # permanent; other threads need not ask again
            raise
        self._check_portal(grant.get("hub_id"))
        token = checked_token(grant.get("access_token"))
        if self._on_token is not None:
            self._on_token(token)
        self._rotate(grant.get("refresh_token"))
        lifetime_s = _lifetime_s(grant.get("expires_in"))
        self._refresh_at = asked + lifetime_s - min(_REFRESH_AHEAD_S, lifetime_s / 10)
        return token

    def _form(self) -> dict[str, str]:
        return {
            "grant_type": "refresh_token",
            "client_id": str(self._client_id),
            "client_secret": self._client_secret,
            "refresh_token": self._refresh_token,
        }

    def _check_portal(self, portal_id: object) -> None:
        if portal_id is None:
            return
        if self._portal_id not in {None, portal_id}:
            raise WrongPortalError(
                f"The OAuth grant opened portal {self._portal_id!r} before and portal {portal_id!r} now; "
                "install the app in the right portal again"
            )
        self._portal_id = portal_id

    def _rotate(self, refresh_token: object) -> None:
        if not isinstance(refresh_token, str) or refresh_token in {"", self._refresh_token}:
            return
        self._refresh_token = Secret(refresh_token)
        if self._on_rotated is not None:
            self._on_rotated(refresh_token)


def checked_token(token: object) -> Secret:
    """``token`` when it can be a bearer token.

    Raises:
        AuthenticationError: code ``TOKEN_FORMAT``; says what is wrong without quoting it.
    """
    if not isinstance(token, str) or not token.strip():
        raise _malformed("The HubSpot token is empty")
    if token.lower().startswith("bearer"):
        raise _malformed("The HubSpot token starts with the word 'Bearer'; enter the token alone")
    if token != token.strip():
        raise _malformed("The HubSpot token has white space around it; enter the token alone")
    if not _TOKEN.fullmatch(token):
        raise _malformed("The HubSpot token holds characters that no token has (spaces, quotes, line breaks, accents)")
    if len(token) not in _TOKEN_LENGTH:
        raise _malformed(f"The HubSpot token has {len(token)} characters; was it cut, or pasted twice?")
    return Secret(token)


def _concealed(grant: Mapping[str, Any]) -> dict[str, Any]:
    return {name: Secret(value) if isinstance(value, str) else value for name, value in grant.items()}


def _checked_part(name: str, value: object) -> Secret:
    if not isinstance(value, str) or not _PRINTABLE.fullmatch(value):
        raise _malformed(f"The HubSpot OAuth {name} is empty or holds characters that none has (spaces, line breaks)")
    return Secret(value)


def _malformed(message: str) -> AuthenticationError:
    return AuthenticationError(message, code="TOKEN_FORMAT")


def _lifetime_s(expires_in: object) -> float:
    if isinstance(expires_in, int | float) and not isinstance(expires_in, bool) and expires_in > 0:
        return float(expires_in)
    return _EXPIRES_IN_S
