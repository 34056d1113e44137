"""Web configuration files, certificates, and clients with a certificate."""

import asyncio
import base64
import datetime as dt
import ssl
import time

import aiohttp
import bcrypt
import trustme
import yaml

from exporter.web_config.watched import WebFile

PASSWORD = "tell-nobody"
PASSWORD_HASH = bcrypt.hashpw(
    PASSWORD.encode(), b"$2b$04$rzgHb21kkIrSjdMZUAmkKu"
).decode()  # a fixed salt, because the hash is part of test names
TLS = {"cert_file": "tls.crt", "key_file": "tls.key"}
MUTUAL = TLS | {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "ca.crt"}
USERS = {"basic_auth_users": {"prometheus": PASSWORD_HASH}}


class Clock:
    """A clock that advances by two seconds with each call, so that changed files are reloaded at once."""

    def __init__(self):
        self.now = time.monotonic()

    def __call__(self):
        """The time in seconds."""
        self.now += 2
        return self.now


class Folder:
    """The directory of a web configuration, with a certificate and its CA."""

    def __init__(self, path):
        self.path = path
        self.authority = trustme.CA()
        self.renew()
        self.authority.cert_pem.write_to_path(path / "ca.crt")

    def renew(self, authority=None, **more):
        """Creates a new certificate and key."""
        leaf = (authority or self.authority).issue_cert("127.0.0.1", **more)
        (self.path / "tls.crt").write_bytes(b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
        leaf.private_key_pem.write_to_path(self.path / "tls.key")
        return leaf

    def write(self, *sections, name="web-config.yml", **more):
        """Writes the file with these sections and returns its path."""
        tree = dict(more)
        for section in sections:
            tree |= section
        (self.path / name).write_text(yaml.safe_dump(tree))
        return self.path / name

    def load(self, *sections, clock=None, **more):
        """Writes and loads the file."""
        return WebFile(str(self.write(*sections, **more)), clock=clock or Clock())

    def load_text(self, text, *, clock=None, **more):
        """Writes and loads a file with this text."""
        (self.path / "web-config.yml").write_text(text)
        return WebFile(str(self.path / "web-config.yml"), clock=clock or Clock(), **more)

    def trust(self, *names, authority=None):
        """A client context that trusts the CA. With names, it has a certificate for them (of `authority`)."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if names:
            (authority or self.authority).issue_cert(*names).configure_cert(context)
        return context


def ago(**time):
    """A time in the past."""
    return dt.datetime.now(dt.UTC) - dt.timedelta(**time)


def basic(user, password):
    """The Basic authentication header of a user."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


CREDENTIALS = basic("prometheus", PASSWORD)


async def ask(url, *, trust=True, path="/metrics", headers=None):
    """Sends a request on a new connection. Returns the status and the headers of the response."""
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as session,
        session.get(url + path, headers=headers) as answer,
    ):
        await answer.read()
        return answer.status, answer.headers


async def certificate_serial(url, trust):
    """The serial number of the server certificate on a new connection."""
    host, port = url.removeprefix("https://").split(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=trust, server_hostname="127.0.0.1")
    serial = writer.get_extra_info("peercert")["serialNumber"]
    writer.transport.abort()
    await asyncio.sleep(0)
    return serial


def refused(site, reason="bad_handshake"):
    """The number of clients that were rejected for this reason."""
    value = site.telemetry.registry.get_sample_value
    return value("coderun_exporter_clients_refused_total", {"reason": reason})


class Plain:
    """The site with an http URL, for a client that does not use TLS."""

    def __init__(self, site):
        self.url = site.url.replace("https", "http")
