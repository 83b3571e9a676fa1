"""What tokens are bought with and what they may do: the endpoints that take a credential in their body."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from hubspot_simulator import errors
from hubspot_simulator.encoding import to_json
from hubspot_simulator.exchange import Answer
from hubspot_simulator.routes.parameters import RefusedError, json_object

if TYPE_CHECKING:
    from hubspot_simulator.accounts import Account, Accounts, Grant
    from hubspot_simulator.exchange import Request

_USER_ID = 5400


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


def introspect(request: Request, accounts: Accounts) -> Answer:
    """Whether an access token is valid, whose it is and what it may do. A token that is not: ``{"active": false}``."""
    form = dict(parse_qsl(request.body.decode("latin-1")))
    grant = accounts.grant(form.get("token", ""))
    if grant is None or grant.expires_ms is None or grant.expires_ms <= grant.account.now_ms():
        return Answer(200, to_json({"active": False}))
    spec = grant.account.spec
    if (form.get("client_id"), form.get("client_secret")) != (spec.client_id, spec.client_secret):
        return errors.refused_refresh("BAD_CLIENT_SECRET", "invalid_client", "missing or invalid client secret")
    return Answer(200, to_json({**_facts(grant, form["token"]), "expires_in": _seconds_left(grant)}))


def private_app(request: Request, accounts: Accounts) -> Answer:
    """``{"tokenKey"}`` → whose private app it is and what it may do. Tokens of the EU need the bearer header as well.

    Recorded by users, not documented; the answer to a wrong token is invented.
    """
    try:
        token = json_object(request).get("tokenKey")
    except RefusedError as refused:
        return refused.answer
    grant = accounts.grant(token) if isinstance(token, str) else None
    if grant is None or grant.app.kind != "private_app":
        return errors.not_found()
    if grant.account.spec.region != "na1" and request.header(b"authorization") != f"Bearer {token}":
        return errors.unauthenticated()
    facts = {"userId": _USER_ID, "hubId": grant.account.spec.portal_id, "appId": grant.app.app_id}
    return Answer(200, to_json({**facts, "scopes": sorted(grant.app.scopes)}))


def _facts(grant: Grant, token: str) -> dict[str, object]:
    spec = grant.account.spec
    scopes = sorted(grant.app.scopes)
    return {
        "active": True,
        "token": token,
        "token_use": "access_token",
        "token_type": "bearer",
        "client_id": spec.client_id,
        "app_id": grant.app.app_id,
        "hub_id": spec.portal_id,
        "hub_domain": f"{spec.portal_id}.example",
        "user_id": _USER_ID,
        "user": "admin@example.com",
        "scopes": scopes,
        "is_private_distribution": True,
        "signed_access_token": {
            **dict.fromkeys(("appInstallId", "audience", "newSignature", "signature", "trialScopes"), ""),
            **dict.fromkeys(("scopeToScopeGroupPks", "trialScopeToScopeGroupPks"), ""),
            **dict.fromkeys(("isServiceAccount", "isUserLevel"), False),
            "appId": grant.app.app_id,
            "expiresAt": grant.expires_ms,
            "hubId": spec.portal_id,
            "hublet": spec.region,
            "installingUserId": _USER_ID,
            "isPrivateDistribution": True,
            "scopes": ",".join(scopes),
            "userId": _USER_ID,
        },
    }


def _seconds_left(grant: Grant) -> int:
    return max(0, (grant.expires_ms or 0) - grant.account.now_ms()) // 1000


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
