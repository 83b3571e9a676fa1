"""The OAuth token endpoint: a refresh token for an access token."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from hubspot_simulator import errors
from hubspot_simulator.encoding import to_json
from hubspot_simulator.exchange import Answer

if TYPE_CHECKING:
    from hubspot_simulator.accounts import Account, Accounts
    from hubspot_simulator.exchange import Request


def token(request: Request, accounts: Accounts) -> Answer:
    """``grant_type=refresh_token`` in a form body; parameters in the query string are not read (reference §3)."""
    form = dict(parse_qsl(request.body.decode("latin-1")))
    if form.get("grant_type") != "refresh_token":
        return errors.refused_refresh("BAD_GRANT_TYPE", "unsupported_grant_type", "missing or unknown grant type")
    oauth = [account for account in accounts.by_portal_id.values() if account.spec.app == "oauth"]
    of_client = [account for account in oauth if account.spec.client_id == form.get("client_id")]
    if not of_client:
        return errors.refused_refresh("BAD_CLIENT_ID", "invalid_client", "missing or invalid client id")
    if all(account.spec.client_secret != form.get("client_secret") for account in of_client):
        return errors.refused_refresh("BAD_CLIENT_SECRET", "invalid_client", "missing or invalid client secret")
    for account in of_client:
        if account.refresh_token == form.get("refresh_token"):
            return _granted(account, accounts)
    return errors.refused_refresh("BAD_REFRESH_TOKEN", "invalid_grant", "refresh token is invalid, expired or revoked")


def _granted(account: Account, accounts: Accounts) -> Answer:
    if account.spec.rotate_refresh_token:
        account.refresh_token = f"{account.spec.region}-{uuid.uuid4()}"
    return Answer(
        200,
        to_json(
            {
                "token_type": "bearer",
                "token_use": "access_token",
                "refresh_token": account.refresh_token,
                "access_token": accounts.issue_token(account),
                "hub_id": account.spec.portal_id,
                "scopes": list(account.spec.scopes),
                "expires_in": account.spec.access_token_lifetime_s,
            }
        ),
    )
