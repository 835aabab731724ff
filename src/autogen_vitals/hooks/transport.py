"""Connections and second tries: httpcore and httpcore2, and the SDKs that retry.

openai 1 and 2, anthropic and ollama connect through httpx and httpcore, openai 3 through httpx2 and httpcore2. A warm
request, on a connection that is open, calls none of these.
"""

from __future__ import annotations

from autogen_vitals.hooks.tables import ConnectCall, Transport

_PACKAGES = ("httpcore", "httpcore2")

TRANSPORT = Transport(
    connects=tuple(
        row
        for package in _PACKAGES
        for row in (
            ConnectCall(f"{package}._backends.auto:AutoBackend.connect_tcp", "dns_tcp"),
            ConnectCall(f"{package}._backends.anyio:AnyIOStream.start_tls", "tls"),
            ConnectCall(f"{package}._backends.trio:TrioStream.start_tls", "tls"),
            ConnectCall(f"{package}._backends.sync:SyncBackend.connect_tcp", "dns_tcp", is_synchronous=True),
            ConnectCall(f"{package}._backends.sync:SyncStream.start_tls", "tls", is_synchronous=True),
        )
    ),
    # Asked once before each further try, in every version, for synchronous clients too.
    retries=(
        "openai._base_client:BaseClient._calculate_retry_timeout",
        "anthropic._base_client:BaseClient._calculate_retry_timeout",
    ),
)
