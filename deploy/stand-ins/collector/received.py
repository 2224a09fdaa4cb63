"""In the place of the OpenTelemetry collector: takes OTLP over HTTP for the pipelines of its configuration, and tells how much came at GET /."""

import collections
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

CONFIG = yaml.safe_load(open(sys.argv[1].removeprefix("--config="), encoding="utf-8"))
PIPELINES = CONFIG["service"]["pipelines"]
for name, pipeline in PIPELINES.items():
    for part in ("receivers", "processors", "exporters"):
        unknown = [one for one in pipeline[part] if one not in CONFIG[part]]
        assert not unknown, f"pipeline {name} names {part} that are not there: {unknown}"
RECEIVED = collections.Counter({name: 0 for name in PIPELINES})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        signal = self.path.rpartition("/")[2]
        RECEIVED[signal] += 1
        self.answer(200 if signal in PIPELINES else 404, b"")

    def do_GET(self):
        self.answer(200, json.dumps(RECEIVED).encode())

    def log_message(self, *_):
        pass


host, _, port = CONFIG["receivers"]["otlp"]["protocols"]["http"]["endpoint"].rpartition(":")
ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
