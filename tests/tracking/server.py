"""A W&B server for tests, on loopback: as much of the protocol as one run, its files and its artifacts take.

GraphQL by the name of the operation, the file stream, and uploads and downloads by plain HTTP. It holds what it was
told, as the real one would: history by offset, files by name, artifact versions by digest.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

ENTITY = "tester"
KEY = "5ecret00" * 5
"""A key as wandb takes it: forty characters."""


@dataclass
class StoredRun:
    """What the server knows of one run."""

    id: str
    fields: dict[str, Any] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    summary: str = "{}"
    files: dict[str, bytes] = field(default_factory=dict)
    exit_code: int | None = None

    @property
    def group(self) -> str | None:
        return self.fields.get("groupName")

    @property
    def state(self) -> str:
        return "running" if self.exit_code is None else "failed" if self.exit_code else "finished"

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.history]


@dataclass
class Version:
    """One version of an artifact."""

    id: str
    index: int
    digest: str
    type: str
    used_by: list[str] = field(default_factory=list)
    committed: bool = False
    manifest: str = ""
    files: dict[str, str] = field(default_factory=dict)


@dataclass
class Server:
    """The state behind the socket. mode: "up", "refuse" (401), "broken" (500) or "hang"."""

    url: str = ""
    mode: str = "up"
    runs: dict[str, StoredRun] = field(default_factory=dict)
    artifacts: dict[str, list[Version]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def version(self, id: str) -> Version:
        return next(one for versions in self.artifacts.values() for one in versions if one.id == id)

    def run(self, name: str) -> StoredRun:
        return self.runs.setdefault(name, StoredRun(name))


class _Listening(ThreadingHTTPServer):
    """A server that says nothing of clients that go away before their answer."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        # wandb resets connections that it keeps open when its process or thread ends: the report would go to the
        # standard error that a test reads.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(mode: str = "up") -> Iterator[Server]:
    """A server on a free port of loopback, until the block ends."""
    state = Server(mode=mode)
    handler = type("Bound", (Handler,), {"state": state})
    server = _Listening(("127.0.0.1", 0), handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.over.set()
        server.shutdown()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    """Requests to answers."""

    state: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self._awake():
            path = unquote(urlsplit(self.path).path)
            blob = self.state.blobs.get(path)
            self._send(200 if blob is not None else 404, blob if blob is not None else b"")

    def do_PUT(self) -> None:
        body = self._body()
        if self._awake():
            with self.state.lock:
                self.state.blobs[unquote(urlsplit(self.path).path)] = body
                self._stored(unquote(urlsplit(self.path).path), body)
            self._send(200, b"")

    def do_POST(self) -> None:
        body = self._body()
        if not self._awake():
            return
        if not self.path.endswith(("/graphql", "/file_stream")):
            self._send(404, b"{}")
            return
        said = json.loads(body)
        with self.state.lock:
            if self.path.endswith("/graphql"):
                name = operation(said)
                self.state.asked.append(name)
                answer = answers(self.state, name, said.get("query", ""), said.get("variables") or {})
            else:
                answer = stream(self.state, self.path, said)
        self._send(200, json.dumps(answer).encode())

    def _stored(self, path: str, body: bytes) -> None:
        kind, _, rest = path.lstrip("/").partition("/")
        if kind == "run-files":
            name, _, file = rest.partition("/")
            self.state.run(name).files[file] = body

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().strip() or b"0", 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _awake(self) -> bool:
        """Whether to answer as asked; else the answer, or none, of a server that will not."""
        given = self.headers.get("Authorization") or ""
        if given.startswith("Basic "):
            self.state.keys.add(base64.b64decode(given[6:]).decode().partition(":")[2])
        if self.state.mode == "hang":
            self.state.over.wait(120)
            self.close_connection = True
            return False
        if self.state.mode == "up":
            return True
        said = {"errors": [{"message": "user is not logged in"}]}
        self._send(401 if self.state.mode == "refuse" else 500, json.dumps(said).encode())
        return False

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def operation(said: dict[str, Any]) -> str:
    """The name of a GraphQL operation."""
    found = re.search(r"\b(?:query|mutation) (\w+)", said["query"])
    assert found is not None, said["query"]
    return found[1]


def stream(state: Server, path: str, said: dict[str, Any]) -> dict[str, Any]:
    """The file stream: lines at an offset, the summary, and how the run ended."""
    run = state.run(path.split("/")[4])
    for name, part in (said.get("files") or {}).items():
        content, offset = part["content"], part.get("offset", 0)
        if name == "wandb-history.jsonl":
            run.history[offset : offset + len(content)] = content
        elif name == "wandb-summary.json":
            run.summary = content[-1]
    if said.get("complete"):
        run.exit_code = said.get("exitcode")
    return {}


def answers(state: Server, name: str, query: str, given: dict[str, Any]) -> dict[str, Any]:
    """The answer to one operation."""

    if name not in OPERATIONS:
        return {"errors": [{"message": f"unknown operation {name}"}]}
    return {"data": OPERATIONS[name](state, given)}


def viewer(_state: Server, _given: dict[str, Any]) -> dict[str, Any]:
    return {
        "viewer": {
            "id": "me",
            "flags": "{}",
            "entity": ENTITY,
            "username": ENTITY,
            "teams": {"edges": []},
            "apiKeys": {"edges": []},
        }
    }


def features(_state: Server, _given: dict[str, Any]) -> dict[str, Any]:
    return {"serverInfo": {"features": []}}


def resume_status(state: Server, given: dict[str, Any]) -> dict[str, Any]:
    run = state.runs.get(given["name"])
    bucket = (
        None
        if run is None
        else bucket_of(run)
        | {
            "logLineCount": 0,
            "historyLineCount": len(run.history),
            "eventsLineCount": 0,
            "historyTail": json.dumps(run.history[-1:]),
            "eventsTail": "[]",
            "wandbConfig": json.dumps({"t": {}}),
        }
    )
    return {"model": {"id": "m", "name": given["project"], "entity": entity(), "bucket": bucket}}


def entity() -> dict[str, Any]:
    return {"id": "e", "name": ENTITY}


def bucket_of(run: StoredRun) -> dict[str, Any]:
    return {
        "id": f"id-{run.id}",
        "name": run.id,
        "displayName": run.fields.get("displayName"),
        "description": None,
        "config": run.fields.get("config", "{}"),
        "sweepName": None,
        "summaryMetrics": run.summary,
        "tags": run.fields.get("tags", []),
        "notes": None,
        "historyLineCount": len(run.history),
        "project": {"id": "m", "name": run.fields.get("project"), "entity": entity()},
    }


def upsert(state: Server, given: dict[str, Any]) -> dict[str, Any]:
    new = given["name"] not in state.runs
    run = state.run(given["name"])
    run.fields |= {name: value for name, value in given.items() if value is not None}
    return {"upsertBucket": {"bucket": bucket_of(run), "inserted": new}}


def create_run_files(state: Server, given: dict[str, Any]) -> dict[str, Any]:
    files = [
        {"id": name, "name": name, "uploadUrl": f"{state.url}/run-files/{given['run']}/{name}"}
        for name in given["files"]
    ]
    return {"createRunFiles": {"runID": given["run"], "uploadHeaders": [], "files": files}}


def artifact_type(state: Server, given: dict[str, Any]) -> dict[str, Any]:
    versions = state.artifacts.get(given["name"].partition(":")[0])
    found = {"artifactType": {"name": versions[-1].type}} if versions else None
    return {"project": {"artifact": found}}


def create_artifact(state: Server, given: dict[str, Any]) -> dict[str, Any]:
    """A version that has this digest already is the version asked for, as with enableDigestDeduplication."""
    asked = given["input"]
    assert asked["enableDigestDeduplication"]
    versions = state.artifacts.setdefault(asked["artifactCollectionName"], [])
    made = next((one for one in versions if one.digest == asked["digest"]), None)
    latest = {"id": versions[-1].id} if versions else None
    if made is None:
        index = len(versions)
        made = Version(f"{asked['artifactCollectionName']}-{index}", index, asked["digest"], asked["artifactTypeName"])
        versions.append(made)
    made.used_by.append(asked["runName"])
    committed = "COMMITTED" if made.committed else "PENDING"
    return {
        "createArtifact": {
            "artifact": {"id": made.id, "state": committed, "artifactSequence": {"latestArtifact": latest}}
        }
    }


def manifest(state: Server, given: dict[str, Any]) -> dict[str, Any]:
    return _manifest(state, given["artifactID"], "createArtifactManifest")


def update_manifest(state: Server, given: dict[str, Any]) -> dict[str, Any]:
    return _manifest(state, given["artifactManifestID"].removeprefix("manifest-"), "updateArtifactManifest")


def _manifest(state: Server, id: str, answer: str) -> dict[str, Any]:
    file = {"id": "f", "name": "m", "displayName": "m", "uploadUrl": f"{state.url}/manifests/{id}", "uploadHeaders": []}
    return {answer: {"artifactManifest": {"id": f"manifest-{id}", "file": file}}}


def create_artifact_files(state: Server, given: dict[str, Any]) -> dict[str, Any]:
    nodes = []
    for spec in given["input"]["artifactFiles"]:
        path = f"artifact-files/{spec['artifactID']}/{spec['name']}"
        state.version(spec["artifactID"]).files[spec["name"]] = f"/{path}"
        nodes.append(
            {
                "id": path,
                "name": spec["name"],
                "displayName": spec["name"],
                "storagePath": path,
                "uploadUrl": f"{state.url}/{path}",
                "uploadHeaders": [],
                "uploadMultipartUrls": None,
                "artifact": {"id": spec["artifactID"]},
            }
        )
    return {"createArtifactFiles": {"files": {"edges": [{"node": node} for node in nodes]}}}


def commit(state: Server, given: dict[str, Any]) -> dict[str, Any]:
    found = state.version(given["artifactID"])
    found.committed = True
    return {"commitArtifact": {"artifact": {"id": found.id, "digest": found.digest}}}


def default_entity(_state: Server, _given: dict[str, Any]) -> dict[str, Any]:
    return {"viewer": {"id": "me", "entity": ENTITY}}


def runs(state: Server, given: dict[str, Any]) -> dict[str, Any]:
    asked = json.loads(given.get("filters") or "{}")
    found = [run for run in state.runs.values() if asked.get("group", run.group) == run.group]
    nodes = [
        {
            "id": f"id-{run.id}",
            "name": run.id,
            "state": run.state,
            "group": run.group,
            "jobType": run.fields.get("jobType"),
            "tags": run.fields.get("tags", []),
            "projectId": "1",
        }
        for run in found
    ]
    return {
        "project": {"internalId": "1", "runCount": len(nodes), "readOnly": False, "runs": _page(nodes)}
        if given["project"] in {run.fields.get("project") for run in state.runs.values()}
        else None
    }


def run_files(state: Server, given: dict[str, Any]) -> dict[str, Any]:
    """Those of the names asked for, or that begin as a pattern does before its %."""
    run, names, begin = (
        state.runs[given["name"]],
        given.get("fileNames"),
        (given.get("pattern") or "%").partition("%")[0],
    )
    nodes = [
        {
            "id": name,
            "name": name,
            "url": f"{state.url}/run-files/{run.id}/{name}",
            "directUrl": f"{state.url}/run-files/{run.id}/{name}",
            "sizeBytes": len(state.blobs[f"/run-files/{run.id}/{name}"]),
            "mimetype": "",
            "updatedAt": "2026-01-01T00:00:00Z",
            "md5": "",
        }
        for name in run.files
        if (name in names if names else name.startswith(begin))
    ]
    return {"project": {"internalId": "1", "run": {"fileCount": len(run.files), "files": _page(nodes)}}}


def _page(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    edges = [{"node": node, "cursor": str(at)} for at, node in enumerate(nodes)]
    return {"edges": edges, "pageInfo": {"endCursor": None, "hasNextPage": False}}


OPERATIONS: dict[str, Any] = {
    "GetDefaultEntity": default_entity,
    "Runs": runs,
    "RunFiles": run_files,
    "ArtifactType": artifact_type,
    "CreateArtifact": create_artifact,
    "CreateArtifactManifest": manifest,
    "UpdateArtifactManifest": update_manifest,
    "CreateArtifactFiles": create_artifact_files,
    "CommitArtifact": commit,
    "Viewer": viewer,
    "ServerFeaturesQuery": features,
    "RunResumeStatus": resume_status,
    "UpsertBucket": upsert,
    "CreateRunFiles": create_run_files,
}
