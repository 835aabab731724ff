"""A vector store as far as this example needs one: it takes a connection and a second for the log-in."""

from __future__ import annotations

import asyncio
import os

import httpcore  # noqa: F401 - httpx imports it when it builds its first client, be that in a request
import httpx

LOG_IN_SECONDS = 1.0


class Store:
    """Whatever answers HTTP at ``STORE_URL`` plays the store; unless that is set, the model's endpoint does."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    @classmethod
    async def connect(cls) -> Store:
        url = os.environ.get("STORE_URL") or os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1")
        http = httpx.AsyncClient(base_url=url)
        await http.head("/")
        await asyncio.sleep(LOG_IN_SECONDS)
        return cls(http)

    async def search(self, query: str) -> str:
        found = await self._http.get("/search", params={"q": query})
        return f"the store answered {found.status_code}"

    async def close(self) -> None:
        await self._http.aclose()
