"""A local HTTP server that behaves like Grafana's documented API: sign-in, versions, conflicts, what it adds of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from dashboards.drawing import PLUGIN

TOKEN = "glsa_only_for_tests"
Thing = dict[str, Any]


class FakeGrafana:
    """What it holds, and how many requests have changed it."""

    def __init__(self) -> None:
        self.version = "11.6.16"
        self.plugins = {PLUGIN}
        self.roles = {TOKEN: "Admin"}
        self.folders: dict[str, Thing] = {}
        self.sources: dict[str, Thing] = {}
        self.boards: dict[str, Thing] = {}
        self.rules: dict[str, Thing] = {}
        self.notes: dict[int, Thing] = {}
        self.writes: list[str] = []
        self.meddle = False
        self._ids = iter(range(1, 100_000))

    def app(self) -> FastAPI:
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        app.middleware("http")(self._guard)
        for method, path, answer in self._routes():
            app.add_api_route(path, answer, methods=[method])
        return app

    async def _guard(self, request: Request, answer: Any) -> Any:
        if request.url.path != "/api/health":
            role = self.roles.get(request.headers.get("authorization", "").removeprefix("Bearer "))
            if role is None:
                return said(401, "Invalid API key")
            if role == "Viewer" and (request.method != "GET" or "plugins" in request.url.path):
                return said(403, "You'll need additional permissions to perform this action.")
        if request.method != "GET":
            self.writes.append(f"{request.method} {request.url.path}")
        return await answer(request)

    def _routes(self) -> tuple[tuple[str, str, Any], ...]:
        return (
            ("GET", "/api/health", self.health), ("GET", "/api/plugins/{plugin}/settings", self.plugin),
            ("GET", "/api/folders/{uid}", self.folder), ("POST", "/api/folders", self.make_folder),
            ("GET", "/api/datasources/uid/{uid}", self.source), ("POST", "/api/datasources", self.make_source), ("PUT", "/api/datasources/uid/{uid}", self.change_source),
            ("GET", "/api/dashboards/uid/{uid}", self.board), ("POST", "/api/dashboards/db", self.save_board),
            ("GET", "/api/v1/provisioning/alert-rules/{uid}", self.rule), ("POST", "/api/v1/provisioning/alert-rules", self.make_rule),
            ("PUT", "/api/v1/provisioning/alert-rules/{uid}", self.change_rule),
            ("GET", "/api/annotations", self.find_notes), ("POST", "/api/annotations", self.make_note),
            ("PUT", "/api/annotations/{note}", self.change_note), ("DELETE", "/api/annotations/{note}", self.forget_note),
        )  # fmt: skip

    async def health(self) -> Any:
        return {"commit": "0", "database": "ok", "version": self.version}

    async def plugin(self, plugin: str) -> Any:
        return {"id": plugin, "enabled": True} if plugin in self.plugins else said(404, "Plugin not found, no installed plugin with that id")  # fmt: skip

    async def folder(self, uid: str) -> Any:
        return self.folders.get(uid) or said(404, "folder not found", status="not-found")

    async def make_folder(self, request: Request) -> Any:
        asked = await request.json()
        if asked["uid"] in self.folders:
            return said(409, "a folder with the same UID already exists")
        self.folders[asked["uid"]] = {"id": next(self._ids), "version": 1, **asked}
        return self.folders[asked["uid"]]

    async def source(self, uid: str) -> Any:
        return self.sources.get(uid) or said(404, "Data source not found")

    async def make_source(self, request: Request) -> Any:
        asked = await request.json()
        if any(one["name"] == asked["name"] for one in self.sources.values()):
            return said(409, "data source with the same name already exists")
        self.sources[asked["uid"]] = self._kept_source(asked, version=1)
        return {"datasource": self.sources[asked["uid"]], "message": "Datasource added", "name": asked["name"]}

    async def change_source(self, uid: str, request: Request) -> Any:
        if uid not in self.sources:
            return said(404, "Data source not found")
        self.sources[uid] = self._kept_source(await request.json(), version=self.sources[uid]["version"] + 1)
        return {"datasource": self.sources[uid], "message": "Datasource updated"}

    def _kept_source(self, asked: Thing, version: int) -> Thing:
        """Secrets are never given back, only that they are set."""
        secrets = asked.pop("secureJsonData", {})
        return {"id": 1, "orgId": 1, "typeLogoUrl": "", "readOnly": False, "version": version, "secureJsonFields": dict.fromkeys(secrets, True), **asked}  # fmt: skip

    async def board(self, uid: str) -> Any:
        return self.boards.get(uid) or said(404, "Dashboard not found")

    async def save_board(self, request: Request) -> Any:
        asked = await request.json()
        wanted, folder = asked["dashboard"], asked.get("folderUid", "")
        old = self.boards.get(wanted["uid"])
        if folder not in self.folders:
            return said(404, "folder not found")
        if old and old["meta"].get("provisioned"):
            return said(400, "Cannot save provisioned dashboard")
        if self.meddle and old:
            old["dashboard"]["version"] += 1
        if old and not asked["overwrite"] and wanted.get("version") != old["dashboard"]["version"]:
            return said(412, "The dashboard has been changed by someone else", status="version-mismatch")
        if any(one["dashboard"]["title"] == wanted["title"] and uid != wanted["uid"] for uid, one in self.boards.items()):  # fmt: skip
            return said(412, "A dashboard with the same name in the folder already exists", status="name-exists")
        number = old["dashboard"]["version"] + 1 if old else 1
        kept = {**wanted, "id": old["dashboard"]["id"] if old else next(self._ids), "version": number}
        self.boards[wanted["uid"]] = {"dashboard": kept, "meta": {"folderUid": folder, "provisioned": False}}
        return {"id": kept["id"], "uid": wanted["uid"], "status": "success", "version": number}

    async def rule(self, uid: str) -> Any:
        return self.rules.get(uid) or Response(status_code=404)

    async def make_rule(self, request: Request) -> Any:
        asked = await request.json()
        if asked["uid"] in self.rules:
            return said(409, "conflicting alert rule found")
        self.rules[asked["uid"]] = self._kept_rule(asked, request)
        return JSONResponse(self.rules[asked["uid"]], 201)

    async def change_rule(self, uid: str, request: Request) -> Any:
        self.rules[uid] = self._kept_rule(await request.json(), request)
        return self.rules[uid]

    def _kept_rule(self, asked: Thing, request: Request) -> Thing:
        """Grafana fills queries up with defaults, and remembers who wrote unless told not to."""
        kept = deepcopy(asked)
        for query in kept["data"]:
            query["model"] |= {"intervalMs": 1000, "maxDataPoints": 43200}
        provenance = {} if "x-disable-provenance" in request.headers else {"provenance": "api"}
        return {"id": next(self._ids), "orgID": 1, "updated": "2026-03-12T15:40:00Z", **kept, **provenance}

    async def find_notes(self, request: Request) -> Any:
        wanted = set(request.query_params.getlist("tags"))
        most = int(request.query_params.get("limit", "100"))
        return [one for one in self.notes.values() if wanted <= set(one["tags"])][:most]

    async def make_note(self, request: Request) -> Any:
        asked = await request.json()
        number = next(self._ids)
        self.notes[number] = {"id": number, "userId": 1, "dashboardUID": None, **{name: asked[name] for name in ("time", "timeEnd", "tags", "text")}}  # fmt: skip
        return {"id": number, "message": "Annotation added"}

    async def change_note(self, note: int, request: Request) -> Any:
        self.notes[note] |= await request.json()
        return {"message": "Annotation updated"}

    async def forget_note(self, note: int) -> Any:
        del self.notes[note]
        return {"message": "Annotation deleted"}


def said(code: int, message: str, **more: str) -> JSONResponse:
    return JSONResponse({"message": message, **more}, code)


def not_grafana() -> FastAPI:
    """Some other server that answers everything with a page."""
    app = FastAPI()
    app.add_api_route("/{path:path}", lambda: PlainTextResponse("<html>hello</html>"), methods=["GET", "POST", "PUT"])
    return app


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """The app on a free port of this machine."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as opened:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{opened.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)
