"""A Mesos master and agent, as far as a doctor asks them: PORT, and a JSON file that tells what.

The file: `slaves`, `flags`, and `ahead_s`, by which its clock is ahead.
"""

from __future__ import annotations

import email.utils
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        told = json.loads(Path(sys.argv[2]).read_text())
        body = json.dumps(told).encode()
        self.send_response_only(200)
        self.send_header("Date", email.utils.formatdate(time.time() + told["ahead_s"], usegmt=True))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    HTTPServer(("0.0.0.0", int(sys.argv[1])), Handler).serve_forever()
