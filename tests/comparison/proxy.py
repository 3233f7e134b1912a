"""A reverse proxy that notes each request, and on demand changes one byte of what is read."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP = {"connection", "transfer-encoding", "keep-alive"}


class Proxy:
    def __init__(self, upstream):
        self.upstream = urlsplit(upstream).netloc
        self.requests = []
        self.damage = None
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def body(self):
                if "chunked" in self.headers.get("transfer-encoding", ""):
                    parts = []
                    while size := int(self.rfile.readline().split(b";")[0], 16):
                        parts.append(self.rfile.read(size))
                        self.rfile.readline()
                    self.rfile.readline()
                    return b"".join(parts)
                return self.rfile.read(int(self.headers.get("content-length", 0)))

            def answer(self):
                if "100-continue" in self.headers.get("expect", ""):
                    self.send_response_only(100)
                    self.end_headers()
                headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP | {"expect", "content-length"}}
                body = self.body()
                proxy.requests.append((self.command, self.path, {k.lower(): v for k, v in headers.items()}))
                upstream = http.client.HTTPConnection(proxy.upstream)
                upstream.request(self.command, self.path, body, headers | {"Content-Length": str(len(body))})
                response = upstream.getresponse()
                data = response.read()
                reads = self.command == "GET" and proxy.damage and proxy.damage in self.path and response.status in (200, 206)
                if reads and data:
                    middle = len(data) // 2
                    data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
                self.send_response_only(response.status, response.reason)
                for name, value in response.getheaders():
                    if name.lower() not in HOP | {"content-length"}:
                        self.send_header(name, value)
                length = response.getheader("content-length") if self.command == "HEAD" else str(len(data))
                self.send_header("Content-Length", length or "0")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        # Programs that are killed, or have read enough, cut their connections.
        self.server.handle_error = lambda *_: None
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"

    def asked(self, method, header):
        return any(m == method and header in headers for m, _, headers in self.requests)
