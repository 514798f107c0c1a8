"""A server of both eras on the Python SDK, over stdio or Streamable HTTP.

    python dual.py stdio [modern]
    python dual.py http [json] [modern]
    python dual.py https FILE

With `modern` it is a server of one era: no handshake is taken.

Over HTTP it listens on 127.0.0.1 and a port that is free, prints the port on
stderr, and one line for each request: its method, and the headers that say
again what the body says. With TLS, it writes the certificate of the authority
that vouches for it to FILE.
"""

import asyncio
import json
import socket
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Annotated, Any

import mcp.server.lowlevel.server
import mcp.server.runner
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.resolve import Elicit, Resolve
from pydantic import BaseModel, Field

server = MCPServer("dual", version="1.0.0", instructions="Both eras.")


@server.tool()
def add(a: int, b: int) -> int:
    """Adds."""
    return a + b


@server.tool()
def where(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})], query: str) -> str:
    """Says where."""
    return f"{query} in {region}"


@server.tool()
async def slow(steps: int, ctx: Context) -> str:
    """Takes a while, and tells how far it is."""
    try:
        for step in range(steps):
            await ctx.report_progress(step + 1, steps)
            await asyncio.sleep(0.1)
    except asyncio.CancelledError:
        print("slow was cancelled", file=sys.stderr, flush=True)
        raise
    return "done"


@server.tool()
def fail() -> str:
    """Fails."""
    raise ValueError("as it should")


class Answer(BaseModel):
    name: str


async def who() -> Elicit[Answer]:
    return Elicit("Who are you?", Answer)


@server.tool()
async def greet(word: str, answer: Annotated[Answer, Resolve(who)]) -> str:
    """Asks for a name, and greets."""
    return f"{word}, {answer.name}!"


@server.resource("note://one")
def note() -> str:
    """A note."""
    return "noted"


@server.prompt()
def ask(topic: str) -> str:
    """Asks."""
    return f"What about {topic}?"


async def only_modern(server: Any, read: Any, write: Any, *, lifespan_state: Any, **_: Any) -> None:
    """The SDK has no such server: this is its loop without the other era."""
    await mcp.server.runner._serve_modern_stream(server, read, write, lifespan_state=lifespan_state, raise_exceptions=False)


def without_handshake(app: Any) -> Any:
    """The same over HTTP: what names no revision is refused as the specification says."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        named = scope["type"] != "http" or (b"mcp-protocol-version", b"2026-07-28") in scope["headers"]
        if named:
            return await app(scope, receive, send)
        status = 400 if scope["method"] == "POST" else 405
        error = {"code": -32020, "message": "expected MCP-Protocol-Version"}
        body = json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return wrapped


def told(app: Any) -> Any:
    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = [(k.decode(), v.decode()) for k, v in scope["headers"]]
            said = sorted(f"{k}={v}" for k, v in headers if k.startswith("mcp-") and k != "mcp-session-id")
            session = " session" if any(k == "mcp-session-id" for k, _ in headers) else ""
            print(f"{scope['method']}{session} {' '.join(said)}", file=sys.stderr, flush=True)
        await app(scope, receive, send)

    return wrapped


def certificate(authority_file: str) -> str:
    """Makes an authority and a certificate for 127.0.0.1; gives its file."""
    now = datetime.now(UTC)

    def issue(name: str, key: Any, issuer: str, issuer_key: Any, extension: x509.ExtensionType) -> bytes:
        names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, n)]) for n in (name, issuer)]
        builder = x509.CertificateBuilder().subject_name(names[0]).issuer_name(names[1]).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).add_extension(extension, critical=True)
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    authority, leaf = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    with open(authority_file, "wb") as file:
        file.write(issue("authority", authority, "authority", authority, x509.BasicConstraints(True, None)))
    name = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    formats = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with open(f"{authority_file}.leaf", "wb") as file:
        file.write(issue("dual", leaf, "authority", authority, name) + leaf.private_bytes(*formats))
    return file.name


def http(json_response: bool, tls: str | None = None) -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    app = server.streamable_http_app(json_response=json_response)
    app = told(without_handshake(app) if "modern" in sys.argv else app)
    print(f"listening on {listener.getsockname()[1]}", file=sys.stderr, flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error", ssl_certfile=tls)).run(sockets=[listener])


if sys.argv[1] == "stdio":
    if "modern" in sys.argv:
        mcp.server.lowlevel.server.serve_dual_era_loop = only_modern
    server.run("stdio")
elif sys.argv[1] == "https":
    http(False, certificate(sys.argv[2]))
else:
    http("json" in sys.argv[2:])
