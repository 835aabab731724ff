"""The one call, in an app that nothing makes SERVER spans for."""

import autogen_vitals

autogen_vitals.enable()

import per_request  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from starlette.requests import Request  # noqa: E402
from starlette.responses import JSONResponse  # noqa: E402
from starlette.routing import Route  # noqa: E402


async def health(request: Request) -> JSONResponse:
    return JSONResponse(await per_request.health())


async def ask(request: Request) -> JSONResponse:
    return JSONResponse(await per_request.ask(request.query_params["q"]))


app = Starlette(routes=[Route("/health", health), Route("/ask", ask)])
