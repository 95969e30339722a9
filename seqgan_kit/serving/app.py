"""The application: its addresses, and what they answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.responses import HTMLResponse, JSONResponse
from starlette.types import ASGIApp

from .. import __version__
from ..errors import SeqganError, UsageError
from ..training.run import RunError
from .batching import Busy
from .guard import Guard
from .media import JSON, NotAcceptable, chosen, media_of, media_type, refuse, rendered
from .models import LONGEST, Ask, Card, Drawn, Problem, Training
from .page import page
from .served import Runs, UnknownRun
from .watching import newest_preview, training_of

SMALL = 100_000
"""Numbers of samples that are turned into JSON at once; more are, in another thread."""

STATUS: tuple[tuple[type[SeqganError], int], ...] = (
    (UnknownRun, 404),
    (NotAcceptable, 406),
    (Busy, 503),
    (RunError, 409),
    (UsageError, 422),
    (SeqganError, 409),
)
"""Statuses of errors: the first class that fits. 409: the run is not able to answer."""

Named = Annotated[str, Path(max_length=LONGEST, description="Name of the run, as in /runs.")]
Content = dict[int | str, dict[str, Any]]


def problems(**of: str) -> Content:
    """Return the description of answers that are errors."""
    return {
        int(status[1:]): {"model": Problem, "description": text} for status, text in of.items()
    }


def make_app(runs: Runs, *, token: str | None = None) -> ASGIApp:
    """Make the application.

    Args:
        runs: the runs that are served.
        token: what requests have to show, if they have to.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        runs.close()

    app = FastAPI(
        title="seqgan_kit",
        version=__version__,
        summary="Samples of trained runs.",
        docs_url=None,  # These pages load a script from elsewhere.
        redoc_url=None,
        lifespan=lifespan,
    )

    @app.get("/", include_in_schema=False)
    async def index() -> HTMLResponse:
        html, policy = page()
        return HTMLResponse(html, headers={"content-security-policy": policy})

    @app.get("/runs", summary="List the runs, and what can be asked of each.")
    async def listed() -> list[Card]:
        return [one.card() for one in runs.values()]

    @app.get(
        "/sample",
        summary="Draw samples.",
        response_class=Response,
        responses={
            200: {
                "model": Drawn,
                "description": "Samples, as what the header Accept prefers: JSON, a piece of "
                "HTML, or a file that the kind of data has. /runs lists the types of each run.",
                "content": {media: {} for one in runs.values() for media in media_of(one.kind)},
            },
            **problems(
                _404="There is no such run.",
                _406="There is nothing of the accepted types.",
                _409="The run has no checkpoint yet, or cannot be opened.",
                _422="Something that is asked for makes no sense.",
                _503="Too many requests are waiting.",
            ),
        },
    )
    async def sample(ask: Annotated[Ask, Query()], request: Request) -> Response:
        served = runs[ask.run]
        media = chosen(request.headers.get("accept", ""), list(media_of(served.kind)))
        if media is None:
            raise refuse(served.kind)
        work = served.work(ask)
        served.batcher.submit(work)
        made = served.made(ask, *await asyncio.wrap_future(work.answer))
        if media == JSON and made.decoded.numel() <= SMALL:
            return Response(rendered(made, served.kind, media, ask.run), media_type=media)
        content = await run_in_threadpool(rendered, made, served.kind, media, ask.run)
        return Response(content, media_type=media)

    @app.get(
        "/runs/{name}/training",
        summary="How far a training is, and its curves.",
        responses=problems(_404="There is no such run.", _422="It has no training."),
    )
    def training(name: Named) -> Training:
        return training_of(runs[name])

    @app.get(
        "/runs/{name}/preview",
        summary="The newest samples that a training has drawn.",
        response_class=Response,
        responses={
            200: {
                "description": "The file as the training wrote it.",
                "content": {media_type(one.kind.preview): {} for one in runs.values()},
            },
            **problems(_404="There is no such run, or it has drawn nothing yet.", _422="A name."),
        },
    )
    def preview(name: Named) -> Response:
        served = runs[name]
        found = newest_preview(served)
        if found is None:
            raise UnknownRun(f"{served.name} has drawn no samples yet")
        return Response(found[1].read_bytes(), media_type=media_type(served.kind.preview))

    @app.exception_handler(SeqganError)
    async def refused(request: Request, error: SeqganError) -> JSONResponse:
        status = next(status for kind, status in STATUS if isinstance(error, kind))
        headers = {"retry-after": "1"} if status == 503 else {}
        return JSONResponse({"detail": str(error)}, status, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return JSONResponse({"detail": f"{where}: {first['msg']}"}, 422)

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = get_openapi(
                title=app.title, version=app.version, summary=app.summary, routes=app.routes
            )
            if token is not None:
                scheme = {"bearer": {"type": "http", "scheme": "bearer"}}
                app.openapi_schema["components"]["securitySchemes"] = scheme
                app.openapi_schema["security"] = [{"bearer": []}]
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]
    return Guard(app, token=token)
