# Three stages: the wheel of this provider, Airflow with it, and the HubSpot simulator for the demo. Needs BuildKit.
ARG AIRFLOW_IMAGE=apache/airflow:3.3.2-python3.12

FROM ${AIRFLOW_IMAGE} AS wheel
WORKDIR /tmp/source
COPY --chown=airflow:0 pyproject.toml constraints.txt README.md LICENSE ./
COPY --chown=airflow:0 airflow_provider_hubspot_deals airflow_provider_hubspot_deals
RUN pip install --no-cache-dir --constraint constraints.txt build hatchling \
    && python -m build --no-isolation --wheel --outdir /tmp/wheels

FROM ${AIRFLOW_IMAGE} AS airflow
# With the constraints that the image itself was made from, so that nothing of Airflow's own changes its version.
RUN --mount=type=bind,from=wheel,source=/tmp/wheels,target=/tmp/wheels \
    pip install --no-cache-dir --constraint "${HOME}/constraints.txt" \
        "apache-airflow==${AIRFLOW_VERSION}" /tmp/wheels/*.whl
# A volume takes its owner from the folder that it is mounted on.
RUN mkdir --parents "${AIRFLOW_HOME}/hubspot_deals"

FROM airflow AS simulator
RUN pip install --no-cache-dir --constraint "${HOME}/constraints.txt" httptools orjson starlette uvicorn uvloop
RUN mkdir --parents /home/airflow/simulator/state
WORKDIR /home/airflow/simulator
COPY hubspot_simulator hubspot_simulator
EXPOSE 8090
ENTRYPOINT ["python", "-m", "hubspot_simulator"]
