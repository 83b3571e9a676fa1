"""A request goes to the one host it was meant for, with the one credential it was given."""

from __future__ import annotations

import datetime as dt
import gzip
import ipaddress
import ssl
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from airflow_provider_hubspot_deals.client.retries import Retries
from airflow_provider_hubspot_deals.exceptions import (
    HubSpotRefusedError,
    RetriableError,
)
from tests.unit.client.conftest import TOKEN, listed_ids
from tests.unit.client.scripted_server import ScriptedServer, answer, deals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient

ONCE = Retries(attempts_max=1)


def test_a20_f25_a_certificate_nobody_vouches_for_is_fatal(
    make_client: Callable[..., HubSpotClient], tmp_path: Path
) -> None:
    with ScriptedServer([answer(200, deals(1))], tls=self_signed(tmp_path)) as stranger:
        client = make_client(base_url=stranger.url)
        with pytest.raises(HubSpotRefusedError, match="cannot be trusted") as raised:
            listed_ids(client)
        assert raised.value.code == "UNTRUSTED_CERTIFICATE"
        assert stranger.requests == []


def test_a20_a_certificate_for_another_host_is_fatal(make_client: Callable[..., HubSpotClient], tmp_path: Path) -> None:
    with ScriptedServer([answer(200, deals(1))], tls=self_signed(tmp_path, "203.0.113.1")) as stranger:
        client = make_client(base_url=stranger.url, ca_bundle=str(tmp_path / "certificate.pem"))
        with pytest.raises(HubSpotRefusedError, match="cannot be trusted"):
            listed_ids(client)


def test_a_certificate_of_the_given_ca_bundle_is_trusted(
    make_client: Callable[..., HubSpotClient], tmp_path: Path
) -> None:
    with ScriptedServer([answer(200, deals(1))], tls=self_signed(tmp_path)) as known:
        client = make_client(base_url=known.url, ca_bundle=str(tmp_path / "certificate.pem"))
        assert listed_ids(client) == ["1"]


def test_a20_a_tls_handshake_with_something_else_is_retriable(
    make_client: Callable[..., HubSpotClient], server: ScriptedServer
) -> None:
    server.answers(answer(200, deals(1)))
    client = make_client(base_url=server.url.replace("http:", "https:"), retries=ONCE)
    with pytest.raises(RetriableError):
        listed_ids(client)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a29_f23_a_redirect_is_not_followed(client: HubSpotClient, server: ScriptedServer, status: int) -> None:
    with ScriptedServer([answer(200, deals(1))]) as elsewhere:
        location = {"Location": f"{elsewhere.url}/crm/v3/objects/deals"}
        server.answers(answer(status, b" " * 1_000, headers=location))
        with pytest.raises(HubSpotRefusedError) as raised:
            listed_ids(client)
        assert raised.value.code == "UNEXPECTED_REDIRECT"
        assert elsewhere.requests == []
    assert len(server.requests) == 1


def test_a29_the_body_of_a_redirect_is_bounded(client: HubSpotClient, server: ScriptedServer) -> None:
    bomb = gzip.compress(b" " * 100_000_000)
    server.answers(answer(302, bomb, headers={"Content-Encoding": "gzip", "Location": "/elsewhere"}))
    tracemalloc.start()
    try:
        with pytest.raises(HubSpotRefusedError, match="does not redirect"):
            listed_ids(client)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100_000_000


def test_a30_cookies_are_not_kept(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(answer(200, deals(1), headers={"Set-Cookie": "__cf_bm=tenant; Path=/"}))
    listed_ids(client)
    listed_ids(client)
    assert "cookie" not in server.requests[1].headers


def test_f21_neither_netrc_nor_proxies_of_the_environment_touch_a_request(
    make_client: Callable[..., HubSpotClient],
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with ScriptedServer([answer(200, deals(1))]) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        server.answers(answer(200, deals(1)))
        listed_ids(make_client())
        assert proxy.requests == []
    assert server.tokens == [f"Bearer {TOKEN}"]


def self_signed(folder: Path, address: str = "127.0.0.1") -> ssl.SSLContext:
    """A server context with a certificate for ``address``, which is left in the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context
