"""A receiver as its author would write it: verifies with the specification's library, takes each event once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook

from tests.unit.client.scripted_server import Received, ScriptedServer

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class Receiver:
    """What arrived at a server, seen through the eyes of a receiver."""

    server: ScriptedServer
    secret: str = SECRET
    taken: dict[str, Any] = field(default_factory=dict)  # id → event

    def take(self, request: Received) -> bool:
        """Whether the event is new; raises ``WebhookVerificationError`` when nobody we know sent it."""
        event = Webhook(self.secret).verify(request.body, request.headers)
        is_new = request.headers["webhook-id"] not in self.taken
        self.taken[request.headers["webhook-id"]] = event
        return is_new
