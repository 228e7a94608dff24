"""Server of the studio: Gradio's queue and API engine under a page of plain JavaScript."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jasco.errors import MissingPartError, SettingError
from jasco.pipeline.source import ModelSource
from jasco.studio import takes, uploads
from jasco.studio.models import Models
from jasco.studio.web import LocalOnly, routes
from jasco.studio.workspace import Workspace

if TYPE_CHECKING:
    from gradio import Server

HOST = "127.0.0.1"


def make_app(models: Models, workspace: Workspace) -> Server:
    """Application: the page, and its queued functions, such as ``generate``.

    Raises:
        MissingPartError: Gradio is not installed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported
    try:
        from gradio import Server
    except ImportError as error:
        raise MissingPartError("the studio needs Gradio: pip install 'jasco[ui]'") from error

    app = Server(title="Jasco Studio", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(LocalOnly)
    app.router.routes.extend(routes(models, workspace))

    @app.api(name="generate", concurrency_limit=1, api_visibility="undocumented")
    def generate(request: dict) -> Iterator[dict]:
        def events() -> Iterator[dict[str, Any]]:
            yield from takes.generate(request, models, workspace)

        yield from takes.answered(events(), workspace)

    @app.api(name="check", concurrency_limit=1, api_visibility="undocumented")
    def check(request: dict) -> Iterator[dict]:
        def events() -> Iterator[dict[str, Any]]:
            report = takes.check(request.get("page"), request.get("take"), workspace)
            yield {"event": "report", **report}

        yield from takes.answered(events(), workspace)

    @app.api(name="separate", concurrency_limit=1, api_visibility="undocumented")
    def separate(request: dict) -> Iterator[dict]:
        def events() -> Iterator[dict[str, Any]]:
            yield from uploads.separated(workspace.file(request.get("song")), workspace)

        yield from takes.answered(events(), workspace)

    @app.api(name="model", concurrency_limit=1, api_visibility="undocumented")
    def model(request: dict) -> Iterator[dict]:
        yield from takes.answered(models.choose(request.get("name")), workspace)

    return app


@contextmanager
def serving(
    source: ModelSource,
    *,
    port: int,
    adapters: Sequence[str] = (),
    open_page: bool = False,
) -> Iterator[None]:
    """Serve the studio on this machine within the block.

    Args:
        source: model at the beginning, and where others come from.
        port: port of 127.0.0.1.
        adapters: folders or Hub ids of adapters that the page offers.
        open_page: open the page in the browser.

    Raises:
        MissingPartError: Gradio is not installed.
        SettingError: the port is taken.
    """
    models, workspace = Models(source, adapters), Workspace()
    app = make_app(models, workspace)
    try:
        app.launch(
            server_name=HOST,
            server_port=port,
            share=False,
            inbrowser=open_page,
            ssr_mode=False,
            show_error=True,
            quiet=True,
            prevent_thread_lock=True,
        )
        yield
    except OSError as error:
        raise SettingError(f"port {port} is taken: give another as --port") from error
    finally:
        if app.blocks is not None:
            app.blocks.close(verbose=False)
        workspace.close()
