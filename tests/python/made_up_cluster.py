"""A web server with made-up answers in the form that Kusto documents, for the witnesses' own test."""

import contextlib
import http.server
import json
import threading
from typing import Callable, Iterator

# What a request asked for: path, and body as the client sent it.
Requests = list[tuple[str, bytes]]


def v2_answer(columns: list[tuple[str, str]], rows: str) -> str:
    """Frames of a query's answer; `rows` is JSON text, so that numbers are sent as written."""
    described = json.dumps([{"ColumnName": n, "ColumnType": t} for n, t in columns])
    return (
        '[{"FrameType":"DataSetHeader","IsProgressive":false,"Version":"v2.0"},'
        '{"FrameType":"DataTable","TableId":0,"TableKind":"PrimaryResult",'
        f'"TableName":"PrimaryResult","Columns":{described},"Rows":{rows}}},'
        '{"FrameType":"DataSetCompletion","HasErrors":false,"Cancelled":false}]'
    )


@contextlib.contextmanager
def serving(answer: Callable[[str], str]) -> Iterator[tuple[str, Requests]]:
    """A cluster that answers a query or command (its text is given) until the block ends."""
    requests: Requests = []

    class Handler(http.server.BaseHTTPRequestHandler):
        """Answers as far as the client asks."""

        def _send(self, status: int, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            """No metadata: the client then takes its defaults."""
            self._send(404, "{}")

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers["Content-Length"]))
            body = bytearray()
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return bytes(body)

        def do_POST(self) -> None:
            """Queries, commands and streaming ingestion."""
            body = self._body()
            requests.append((self.path, body))
            if "/ingest/" in self.path:
                self._send(200, '{"Tables":[{"TableName":"Table_0","Columns":[],"Rows":[]}]}')
            else:
                self._send(200, answer(json.loads(body)["csl"]))

        def log_message(self, *_args) -> None:
            """Keeps quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
