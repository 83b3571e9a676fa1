"""Notifiers as other packages write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from airflow.sdk import BaseNotifier


class Recorder(BaseNotifier):
    """Remembers what it would have sent."""

    template_fields: Sequence[str] = ("to", "text")
    sent: ClassVar[list[tuple[str, str]]] = []

    def __init__(self, *, to: str, text: str) -> None:
        super().__init__()
        self.to = to
        self.text = text

    def notify(self, context: Any) -> None:  # noqa: ARG002 - Airflow's signature
        self.sent.append((self.to, self.text))


class Broken(BaseNotifier):
    """Fails, and quotes an address with a secret, as libraries do."""

    def notify(self, context: Any) -> None:  # noqa: ARG002 - as above
        raise OSError("cannot reach https://hooks.example.com/s3cr3t")
