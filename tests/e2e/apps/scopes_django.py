"""Django, whose views are sync under WSGI and async under ASGI. As a program: on the port that is given, by the
standard library's server, which is also that of Django's runserver."""

from __future__ import annotations

import asyncio
import sys
from typing import Any
from wsgiref.simple_server import make_server

import scopes
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import path

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY="not one")


def health(request: Any) -> HttpResponseBase:
    return JsonResponse(scopes.facts())


def ask(request: Any) -> HttpResponseBase:
    return JsonResponse(scopes.ask_sync())


def stream(request: Any) -> HttpResponseBase:
    asyncio.run(scopes.answer())
    return StreamingHttpResponse(scopes.stream_sync(), content_type="application/json")


def fail(request: Any) -> None:
    scopes.fail_sync()


async def ask_async(request: Any) -> HttpResponseBase:
    return JsonResponse(await scopes.ask())


async def stream_async(request: Any) -> HttpResponseBase:
    await scopes.answer()
    return StreamingHttpResponse(scopes.stream(), content_type="application/json")


async def fail_async(request: Any) -> None:
    await scopes.fail()


def handler500(request: Any) -> HttpResponseBase:
    return JsonResponse(scopes.facts(), status=500)


urlpatterns = [
    path("health", health),
    path("ask", ask),
    path("stream", stream),
    path("fail", fail),
    path("async/health", health),
    path("async/ask", ask_async),
    path("async/stream", stream_async),
    path("async/fail", fail_async),
]
wsgi = get_wsgi_application()
asgi = get_asgi_application()

if __name__ == "__main__":
    with make_server("127.0.0.1", int(sys.argv[1]), wsgi) as server:
        server.serve_forever()
