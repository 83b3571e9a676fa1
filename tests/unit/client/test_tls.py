"""Nothing is sent over a connection that is not encrypted as it should be, whatever the machine allows."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING

import pytest

from airflow_provider_hubspot_deals.client import transport
from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from tests.unit.client.conftest import listed_ids
from tests.unit.client.scripted_server import ScriptedServer, answer, deals
from tests.unit.client.test_isolation import self_signed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient

# As administrators write it for an old machine in their network.
LENIENT = """
openssl_conf = init
[init]
ssl_conf = ssl
[ssl]
system_default = lenient
[lenient]
MinProtocol = TLSv1
CipherString = ALL:@SECLEVEL=0
"""
CONNECT = """
import socket, ssl, sys
from airflow_provider_hubspot_deals.client.credentials import PrivateAppToken
from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
from airflow_provider_hubspot_deals.client.retries import Retries
url, bundle = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.load_verify_locations(bundle)
context.set_ciphers("ALL:@SECLEVEL=0")
context.minimum_version = ssl.TLSVersion.TLSv1
with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as line:
    print("anybody:", context.wrap_socket(line, server_hostname="127.0.0.1").version())
credentials, once = PrivateAppToken("pat-na1-11111111"), Retries(attempts_max=1)
client = HubSpotClient(credentials, base_url=url, allow_other_hosts=True, ca_bundle=bundle, retries=once)
try:
    print("we:", len(client.list_deals(properties=["dealname"]).records))
except Exception as error:
    print("we:", type(error).__name__)
"""


def of_version(context: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = version
        context.minimum_version = version
    return context


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (ssl.TLSVersion.TLSv1_1, ["anybody: TLSv1.1", "we: UpstreamUnavailableError"]),
        (ssl.TLSVersion.TLSv1_2, ["anybody: TLSv1.2", "we: 1"]),
    ],
    ids=["1.1", "1.2"],
)
def test_f25_older_tls_is_refused_even_where_the_machine_allows_it(
    tmp_path: Path, version: ssl.TLSVersion, expected: list[str]
) -> None:
    (tmp_path / "openssl.cnf").write_text(LENIENT)
    context = of_version(self_signed(tmp_path), version)
    with ScriptedServer([answer(200, deals(1))], tls=context) as server:
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-W", "ignore", "-c", CONNECT, server.url, str(tmp_path / "certificate.pem")],
            env={**os.environ, "OPENSSL_CONF": str(tmp_path / "openssl.cnf")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.splitlines() == expected, done.stderr
        assert len(server.requests) == (version == ssl.TLSVersion.TLSv1_2)


def test_f25_a_worker_without_ca_certificates_is_told_so_at_once_and_nothing_is_sent(
    make_client: Callable[..., HubSpotClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = str(tmp_path / "missing.pem")
    with ScriptedServer([answer(200, deals(1))], tls=self_signed(tmp_path)) as server:
        with pytest.raises(ConfigurationError, match=r"no CA certificates at .*missing\.pem"):
            make_client(base_url=server.url, ca_bundle=missing)
        monkeypatch.setattr(transport, "DEFAULT_CA_BUNDLE_PATH", missing)
        with pytest.raises(ConfigurationError, match="certifi"):
            make_client(base_url=server.url)
        assert server.requests == []


def test_f25_plain_http_is_left_to_hosts_that_the_connection_allows(
    make_client: Callable[..., HubSpotClient], server: ScriptedServer
) -> None:
    with pytest.raises(ConfigurationError, match="https"):
        make_client(base_url="http://api.hubapi.com", allow_other_hosts=False)
    server.answers(answer(200, deals(1)))
    assert listed_ids(make_client()) == ["1"]
