"""dlt: its rest_api source on HubSpot's list of deals, into its postgres destination by COPY, merged by id."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import dlt
from dlt.destinations import postgres
from dlt.sources.rest_api import rest_api_source
from metering import metered, read_order

LIST = "/crm/v3/objects/deals"
SEARCH = f"{LIST}/search"


def main() -> None:
    """One run of the pipeline, measured."""
    order = read_order()
    pipeline = dlt.pipeline(
        pipeline_name="hubspot",
        pipelines_dir=str(Path(order["folder"]) / "dlt"),
        destination=postgres(credentials=order["database_url"]),
        dataset_name="crm",
    )
    with metered(order["figures"]):
        source = deals_since(order, newest(pipeline)) if order["mode"] == "incremental" else all_deals(order)
        load = pipeline.run(source, loader_file_format="csv")
        load.raise_on_failed_jobs()


def newest(pipeline: dlt.Pipeline) -> str:
    """The newest time of change that is loaded."""
    with pipeline.sql_client() as client, client.execute_query("SELECT max(updated_at) FROM deals") as cursor:
        moment: datetime = cursor.fetchone()[0]
    return moment.isoformat()


def all_deals(order: dict[str, Any]) -> Any:  # noqa: ANN401 - dlt's own type
    """The list, 100 a page."""
    query = {"limit": 100, "properties": ",".join(order["properties"])}
    return source(order, {"path": LIST, "params": query}, {"cursor_param": "after"})


def deals_since(order: dict[str, Any], moment: str) -> Any:  # noqa: ANN401 - dlt's own type
    """Search, 200 a page, from that time on."""
    since = {"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": "{incremental.start_value}"}
    body = {"limit": 200, "properties": order["properties"], "filterGroups": [{"filters": [since]}]}
    incremental = {"cursor_path": "updatedAt", "initial_value": moment, "convert": milliseconds}
    endpoint = {"path": SEARCH, "method": "POST", "json": body, "incremental": incremental}
    return source(order, endpoint, {"cursor_body_path": "after"})


def source(order: dict[str, Any], endpoint: dict[str, Any], cursor: dict[str, str]) -> Any:  # noqa: ANN401 - as above
    """One resource, merged by id."""
    return rest_api_source(
        {
            "client": {
                "base_url": order["hubspot_url"],
                "auth": {"type": "bearer", "token": order["token"]},
                "paginator": {"type": "cursor", "cursor_path": "paging.next.after", **cursor},
            },
            "resource_defaults": {"primary_key": "id", "write_disposition": "merge"},
            "resources": [{"name": "deals", "endpoint": {**endpoint, "data_selector": "results"}}],
        },
        name="hubspot",
    )


def milliseconds(text: str) -> str:
    """As HubSpot's search wants times."""
    return str(round(datetime.fromisoformat(text).timestamp() * 1000))


if __name__ == "__main__":
    main()
