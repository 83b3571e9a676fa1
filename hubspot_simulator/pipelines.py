"""The portal's deal pipelines: HubSpot's default one and a custom one with numeric stage ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hubspot_simulator.clock import iso_from_ms

CUSTOM_CREATED_MS = 1_668_500_000_417


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage; ``is_closed`` with probability 1 is won, with 0 lost."""

    stage_id: str
    label: str
    probability: float
    is_closed: bool = False


@dataclass(frozen=True, slots=True)
class Pipeline:
    pipeline_id: str
    label: str
    created_ms: int
    stages: tuple[Stage, ...]

    def as_json(self, position: int) -> dict[str, Any]:
        times = _times(self.created_ms)
        stages = [_stage_json(stage, order, times) for order, stage in enumerate(self.stages)]
        return {
            "label": self.label,
            "displayOrder": position,
            "id": self.pipeline_id,
            "stages": stages,
            **times,
            "archived": False,
        }


def _times(created_ms: int) -> dict[str, str]:
    return {"createdAt": iso_from_ms(created_ms), "updatedAt": iso_from_ms(created_ms)}


def _stage_json(stage: Stage, order: int, times: dict[str, str]) -> dict[str, Any]:
    metadata = {"isClosed": str(stage.is_closed).lower(), "probability": str(stage.probability)}  # strings on the wire
    return {
        "label": stage.label,
        "displayOrder": order,
        "metadata": metadata,
        "id": stage.stage_id,
        **times,
        "archived": False,
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
    }


DEFAULT_PIPELINE = Pipeline(
    "default",
    "Sales Pipeline",
    0,  # the default pipeline dates from 1970 on the wire
    (
        Stage("appointmentscheduled", "Appointment Scheduled", 0.2),
        Stage("qualifiedtobuy", "Qualified To Buy", 0.4),
        Stage("presentationscheduled", "Presentation Scheduled", 0.6),
        Stage("decisionmakerboughtin", "Decision Maker Bought-In", 0.8),
        Stage("contractsent", "Contract Sent", 0.9),
        Stage("closedwon", "Closed Won", 1.0, is_closed=True),
        Stage("closedlost", "Closed Lost", 0.0, is_closed=True),
    ),
)
RENEWAL_PIPELINE = Pipeline(
    "75204318",
    "Renewals",
    CUSTOM_CREATED_MS,
    (
        Stage("5230659805", "Up for renewal", 0.5),
        Stage("5230659806", "Offer sent", 0.7),
        Stage("5230659807", "Verbal yes", 0.9),
        Stage("5230659808", "Renewed", 1.0, is_closed=True),
        Stage("5230659809", "Churned", 0.0, is_closed=True),
    ),
)
PIPELINES = (DEFAULT_PIPELINE, RENEWAL_PIPELINE)
STAGES = {stage.stage_id: stage for pipeline in PIPELINES for stage in pipeline.stages}


def pipelines_json(pipelines: tuple[Pipeline, ...]) -> dict[str, Any]:
    return {"results": [pipeline.as_json(position) for position, pipeline in enumerate(pipelines)]}
