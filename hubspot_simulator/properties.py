"""Deal property definitions, as ``GET /crm/v3/properties/deals`` lists them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hubspot_simulator.clock import iso_from_ms
from hubspot_simulator.pipelines import PIPELINES, Pipeline
from hubspot_simulator.vocabulary import ANALYTICS_SOURCES, COMPETITORS, PAYMENT_TERMS, PRODUCTS, SUPPORT_TIERS

_DEFINED_MS = 1_577_923_200_120
_FIELD_TYPES = {
    "string": "text",
    "number": "number",
    "bool": "booleancheckbox",
    "enumeration": "select",
    "date": "date",
    "datetime": "date",
    "phone_number": "phonenumber",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """A property definition. ``calculated`` values follow from others and do not bump hs_lastmodifieddate."""

    name: str
    type: str
    label: str = ""
    field_type: str = ""
    calculated: bool = False
    read_only: bool = False
    custom: bool = False
    sensitivity: str = "non_sensitive"
    options: tuple[str, ...] = ()
    created_ms: int = _DEFINED_MS

    def as_json(self) -> dict[str, Any]:
        return {
            "updatedAt": iso_from_ms(self.created_ms),
            "createdAt": iso_from_ms(self.created_ms),
            "name": self.name,
            "label": self.label or self.name.removeprefix("hs_").replace("_", " ").capitalize(),
            "type": self.type,
            "fieldType": self.field_type or ("calculation_equation" if self.calculated else _FIELD_TYPES[self.type]),
            "description": "",
            "groupName": "custom_deal_information" if self.custom else "dealinformation",
            "options": [_option(value, order) for order, value in enumerate(self.options)],
            "displayOrder": -1,
            "calculated": self.calculated,
            "externalOptions": self.name == "hubspot_owner_id",
            "archived": False,
            "hasUniqueValue": False,
            "hidden": False,
            "hubspotDefined": not self.custom,
            "modificationMetadata": {
                "archivable": self.custom,
                "readOnlyDefinition": not self.custom,
                "readOnlyValue": self.calculated or self.read_only,
            },
            "formField": self.custom,
            "dataSensitivity": self.sensitivity,
        }


def _option(value: str, order: int) -> dict[str, Any]:
    label = value.replace("_", " ").capitalize()
    return {"label": label, "value": value, "displayOrder": order, "hidden": False}


def _own(kind: str, *names: str, **facts: Any) -> list[Property]:  # noqa: ANN401 - fields of Property
    return [Property(name=name, type=kind, **facts) for name in names]


def pipeline_properties(pipelines: tuple[Pipeline, ...]) -> list[Property]:
    """Those that follow from the pipelines: each stage has timings of its own (reference §6)."""
    stage_ids = tuple(stage.stage_id for pipeline in pipelines for stage in pipeline.stages)
    prefixes = {"hs_v2_date_entered_": "datetime", "hs_v2_date_exited_": "datetime"}
    timings = [
        Property(name=f"{prefix}{stage_id}", type=kind, read_only=True)
        for prefix, kind in prefixes.items()
        for stage_id in stage_ids
    ]
    return [
        Property(name="pipeline", type="enumeration", options=tuple(each.pipeline_id for each in pipelines)),
        Property(name="dealstage", type="enumeration", field_type="radio", options=stage_ids),
        *timings,
    ]


_STANDARD = [
    *_own("string", "dealname", "description", "hs_next_step", "closed_lost_reason", "closed_won_reason"),
    *_own("string", "hs_analytics_source_data_1", "hs_analytics_source_data_2"),
    *_own("number", "amount", "hs_forecast_probability", "hs_mrr", "hs_arr", "hs_tcv", "hs_acv", "num_notes"),
    *_own("number", "hs_object_id", "hs_created_by_user_id", "hs_exchange_rate", read_only=True),
    *_own("number", "amount_in_home_currency", "hs_closed_amount", "hs_deal_stage_probability", calculated=True),
    *_own("number", "hs_forecast_amount", "hs_projected_amount", "days_to_close", calculated=True),
    *_own("number", "num_associated_contacts", "hs_open_deal_create_date", calculated=True),
    *_own("bool", "hs_is_closed", "hs_is_closed_won", "hs_is_closed_lost", calculated=True),
    *_own("datetime", "closedate", "notes_last_contacted", "hubspot_owner_assigneddate"),
    *_own("datetime", "createdate", "hs_lastmodifieddate", read_only=True),
    *_own("enumeration", "hubspot_owner_id", "hubspot_team_id", "deal_currency_code"),
    *_own("enumeration", "hs_merged_object_ids", "hs_object_source", read_only=True),
    Property(name="dealtype", type="enumeration", options=("newbusiness", "existingbusiness")),
    Property(name="hs_priority", type="enumeration", options=("low", "medium", "high")),
    Property(name="hs_analytics_source", type="enumeration", options=ANALYTICS_SOURCES),
]
_CUSTOM = [
    *_own("string", "erp_order_number", "legal_notes", custom=True),
    *_own("number", "seats", "discount_percent", custom=True),
    *_own("bool", "contract_signed", custom=True),
    *_own("date", "contract_start_date", custom=True),
    *_own("datetime", "renewal_at", custom=True),
    *_own("phone_number", "procurement_phone", custom=True),
    *_own("enumeration", "competitor", custom=True, options=COMPETITORS),
    *_own("enumeration", "payment_terms", custom=True, options=PAYMENT_TERMS),
    *_own("enumeration", "support_tier", custom=True, options=SUPPORT_TIERS),
    *_own("enumeration", "products_of_interest", custom=True, field_type="checkbox", options=PRODUCTS),
    *_own("string", "buyer_tax_number", custom=True, sensitivity="sensitive"),
]


def property_definitions(extra: int = 0) -> dict[str, Property]:
    """All definitions by name, ``extra`` further text properties included."""
    further = _own("string", *(f"custom_attribute_{number:04}" for number in range(extra)), custom=True)
    return {each.name: each for each in (*_STANDARD, *pipeline_properties(PIPELINES), *_CUSTOM, *further)}
