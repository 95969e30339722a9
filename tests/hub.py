"""A stand-in of the Hugging Face hub: what huggingface_hub asks of its HTTP API, on this machine.

It stores what is committed and serves it, with commits, tokens, private and gated repositories,
and with both ways of an upload: in the commit itself, or by Git LFS before it.
"""

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import yaml

TOKENS = {"hf_of_me": "me", "hf_of_another": "another"}


@dataclass
class Repository:
    """A repository: its commits, of which each is all files by name."""

    private: bool = False
    gated: bool = False
    commits: dict = field(default_factory=lambda: {"0" * 40: {}})
    branches: dict = field(default_factory=lambda: {"main": "0" * 40})

    def commit(self, files):
        content = {**self.commits[self.branches["main"]], **files}
        told = json.dumps([len(self.commits), sorted(content)])
        sha = hashlib.sha1(told.encode()).hexdigest()
        self.commits[sha] = content
        self.branches["main"] = sha
        return sha


class Hub(ThreadingHTTPServer):
    """The server. ``large`` is the size in bytes from which files go by LFS."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.repositories = {}
        self.objects = {}
        self.messages = []
        self.large = float("inf")
        self.sizes = {}

    def put(self, name, files, **settings):
        """Make a repository with these files, as somebody has left it."""
        self.repositories[name] = Repository(**settings)
        self.repositories[name].commit(files)


class Refused(Exception):
    """An answer that is an error: its status, and the code that the hub gives it."""


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self):
        path = unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        for method, pattern, reply in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and self.command in method:
                try:
                    reply(self, body, **found.groupdict())
                except Refused as error:
                    status, code = error.args
                    self.send({"error": code}, status, {"X-Error-Code": code} if code else {})
                return
        self.send({"error": "no such page"}, 404)

    do_GET = do_HEAD = do_POST = do_PUT = answer

    def send(self, content, status=200, headers=None):
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": len(data), **(headers or {})}.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    @property
    def user(self):
        return TOKENS.get((self.headers.get("Authorization") or "").removeprefix("Bearer "))

    def repository(self, name, *, write=False):
        found = self.server.repositories.get(name)
        mine = self.user == name.partition("/")[0]
        if found is None or (found.private and not mine):
            # As the hub does, which does not tell what is private.
            raise Refused(404 if self.user else 401, "RepoNotFound")
        if write and not mine:
            raise Refused(403, "")
        return found

    def create(self, body):
        asked = json.loads(body)
        owner = asked.get("organization") or self.user
        if self.user is None:
            raise Refused(401, "")
        if owner != self.user:
            raise Refused(403, "")
        name = f"{owner}/{asked['name']}"
        url = f"{self.server.url}/{name}"
        if name in self.server.repositories:
            self.send({"url": url}, 409)
            return
        private = asked.get("private") or asked.get("visibility") == "private"
        self.server.repositories[name] = Repository(private=bool(private))
        self.send({"url": url})

    def describe(self, body, name, revision="main"):
        repository = self.repository(name)
        sha, files = at(repository, revision)
        listed = [
            {"rfilename": path, "size": self.server.sizes.get(path, len(content))}
            for path, content in files.items()
        ]
        self.send({"id": name, "sha": sha, "private": repository.private, "siblings": listed})

    def validate(self, body):
        text = json.loads(body)["content"]
        head = yaml.safe_load(text.split("---\n")[1])
        wrong = [] if set(head) <= {"library_name", "tags", "license"} else ["unknown keys"]
        self.send({"warnings": [], "errors": [{"message": one} for one in wrong]},
                  400 if wrong else 200)  # fmt: skip

    def preupload(self, body, name, revision):
        self.repository(name, write=True)
        self.send({"files": [
            {"path": one["path"], "shouldIgnore": False,
             "uploadMode": "lfs" if one["size"] >= self.server.large else "regular"}
            for one in json.loads(body)["files"]
        ]})  # fmt: skip

    def lfs_batch(self, body, name):
        self.repository(name, write=True)
        self.send({"transfer": "basic", "objects": [
            {**one, "actions": {"upload": {"href": f"{self.server.url}/lfs/{one['oid']}"}}}
            for one in json.loads(body)["objects"]
        ]})  # fmt: skip

    def lfs_put(self, body, oid):
        if hashlib.sha256(body).hexdigest() != oid:
            raise Refused(400, "")
        self.server.objects[oid] = body
        self.send({})

    def lfs_get(self, body, oid):
        self.send(self.server.objects[oid], headers={"ETag": f'"{oid}"'})

    def commit(self, body, name, revision):
        repository = self.repository(name, write=True)
        files = {}
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.objects[value["oid"]]
            else:
                self.server.messages.append(value["summary"])
        sha = repository.commit(files)
        self.send({"commitUrl": f"{self.server.url}/{name}/commit/{sha}", "commitOid": sha})

    def resolve(self, body, name, revision, path):
        repository = self.repository(name)
        if repository.gated:
            raise Refused(403, "GatedRepo")
        sha, files = at(repository, revision)
        if path not in files:
            raise Refused(404, "EntryNotFound")
        oid = hashlib.sha256(files[path]).hexdigest()
        headers = {"X-Repo-Commit": sha, "ETag": f'"{oid}"'}
        if oid in self.server.objects:
            # Files of LFS lie elsewhere.
            headers |= {"X-Linked-ETag": f'"{oid}"', "X-Linked-Size": len(files[path]),
                        "Location": f"{self.server.url}/lfs/{oid}"}  # fmt: skip
            self.send(b"", 302, headers)
        else:
            self.send(files[path], headers=headers)


def at(repository, revision):
    """The commit of a revision, and its files."""
    sha = repository.branches.get(revision, revision)
    if sha not in repository.commits:
        raise Refused(404, "RevisionNotFound")
    return sha, repository.commits[sha]


NAME = r"(?P<name>[^/]+/[^/]+)"
ROUTES = [
    (("POST",), "/api/repos/create", Answers.create),
    (("POST",), "/api/validate-yaml", Answers.validate),
    (("GET",), f"/api/models/{NAME}", Answers.describe),
    (("GET",), f"/api/models/{NAME}/revision/(?P<revision>.+)", Answers.describe),
    (("POST",), f"/api/models/{NAME}/preupload/(?P<revision>.+)", Answers.preupload),
    (("POST",), f"/api/models/{NAME}/commit/(?P<revision>.+)", Answers.commit),
    (("POST",), rf"/{NAME}\.git/info/lfs/objects/batch", Answers.lfs_batch),
    (("PUT",), "/lfs/(?P<oid>[0-9a-f]+)", Answers.lfs_put),
    (("GET", "HEAD"), "/lfs/(?P<oid>[0-9a-f]+)", Answers.lfs_get),
    (("GET", "HEAD"), f"/{NAME}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", Answers.resolve),
]


@contextmanager
def running():
    """Run a hub of one's own."""
    hub = Hub()
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        thread.join()
        hub.server_close()
