"""In the place of Grafana: reads what Grafana would be provisioned with, refuses what it could not use, and lists it at port 3000."""

import json
import pathlib
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

import yaml

PROVISIONING = pathlib.Path("/etc/grafana/provisioning")


def read():
    """Sources of data and dashboards, as the API of Grafana would list them."""
    sources = [source for file in PROVISIONING.glob("datasources/*.yaml") for source in yaml.safe_load(file.read_text())["datasources"]]
    assert [source["type"] for source in sources if source["isDefault"]] == ["prometheus"], "one default source, a Prometheus"
    dashboards = []
    for file in PROVISIONING.glob("dashboards/*.yaml"):
        for provider in yaml.safe_load(file.read_text())["providers"]:
            for path in sorted(pathlib.Path(provider["options"]["path"]).glob("*.json")):
                dashboard = json.loads(path.read_text())
                assert dashboard["uid"] and dashboard["title"] and dashboard["panels"], path
                dashboards.append({"uid": dashboard["uid"], "title": dashboard["title"], "type": "dash-db"})
    assert len({dashboard["uid"] for dashboard in dashboards}) == len(dashboards) > 0, "dashboards with ids of their own"
    return {"/api/health": {"database": "ok"}, "/api/search": dashboards, "/api/datasources": sources}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        answer = ANSWERS.get(self.path.partition("?")[0])
        self.send_response(200 if answer is not None else 404)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_):
        pass


ANSWERS = read()
print("provisioned:", ", ".join(dashboard["title"] for dashboard in ANSWERS["/api/search"]), file=sys.stderr, flush=True)
HTTPServer(("", 3000), Handler).serve_forever()
