"""Runs gcp-storage-emulator, and corrects where it departs from the service in ways that a client would rest on.

    gcs.py ADDRESS PORT [CERTIFICATE KEY]

With a certificate, the port speaks TLS too, to those who begin with it. GET /sessions/BUCKET, which the service does not have,
lists the upload sessions that are neither complete nor cancelled: a test that wants none left can see it by that only.

Left alone, the emulator serves one connection at a time, stores the part of a body that came before its connection broke,
ignores preconditions and page sizes, says of a new upload session that it has a byte, forgets a session when it is complete,
and cannot cancel one. All that is done here instead; of the emulator, the store and the other calls remain. It speaks nothing
of the XML API's uploads in parts: gcs_multipart.py does, which is our own and made from Google's documentation.
"""

import email.message
import http.server
import io
import json
import logging
import os
import re
import secrets
import socket
import ssl
import sys
import threading
from functools import partial
from http import HTTPStatus

import google_crc32c
from gcp_storage_emulator import server, settings
from gcp_storage_emulator.exceptions import Conflict
from gcp_storage_emulator.handlers import objects
from gcp_storage_emulator.storage import Storage

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # which `python -I` leaves out
import gcs_multipart  # noqa: E402

CHUNK = 256 << 10  # pieces of a session are multiples of this, except the last
PAGE = 1000


class Status(int):
    """A status that http.HTTPStatus does not know."""

    def __new__(cls, value, phrase):
        self = super().__new__(cls, value)
        self.value, self.phrase = value, phrase
        return self


INCOMPLETE = Status(308, "Resume Incomplete")
CANCELLED = Status(499, "Client Closed Request")


class Refused(Exception):
    def __init__(self, status, message, reason="invalid"):
        super().__init__(message)
        self.status, self.reason = status, reason


class Cut(Exception):
    """The connection ended inside a request."""


# What holds for every request.


class Handler(server.RequestHandler):
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()

    def setup(self):
        # Each write of an answer at once: the client waits for it.
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        super().setup()

    def serve(self):
        try:
            self.body = self.read_body()
        except (Cut, ConnectionError):
            self.close_connection = True
            return
        del self.headers["Transfer-Encoding"], self.headers["Content-Length"]
        self.headers["Content-Length"] = str(len(self.body))
        # The emulator reads the whole body and writes the whole answer under the lock, so neither may wait for the client.
        connection = self.rfile, self.wfile
        self.rfile, self.wfile = io.BytesIO(self.body), io.BytesIO()
        try:
            with self.lock:
                server.Router(self).handle(self.command)
            answer = self.wfile.getvalue()
        finally:
            self.rfile, self.wfile = connection
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def read_body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.exactly(int(self.headers.get("Content-Length") or 0))
        body = bytearray()
        while size := self.chunk_size():
            body += self.exactly(size)
            if self.exactly(2) != b"\r\n":
                raise Cut
        while self.line() != b"\r\n":  # trailers
            pass
        return bytes(body)

    def chunk_size(self):
        try:
            return int(self.line().split(b";")[0], 16)
        except ValueError:
            raise Cut from None

    def line(self):
        line = self.rfile.readline(1 << 16)
        if not line.endswith(b"\n"):
            raise Cut
        return line

    def exactly(self, size):
        data = self.rfile.read(size)
        if len(data) != size:
            raise Cut
        return data


def answered(handler):
    """`handler`, with the service's error bodies and its 204."""

    def run(request, response, storage):
        try:
            handler(request, response, storage)
        except Refused as refused:
            fail(response, refused.status, str(refused), refused.reason)
        except Conflict as conflict:  # what the emulator raises for a wrong checksum
            fail(response, HTTPStatus.BAD_REQUEST, str(conflict), "invalid")
        except Exception as error:
            logging.exception("%s %s", request.method, request.full_url)
            fail(response, HTTPStatus.INTERNAL_SERVER_ERROR, repr(error), "backendError")
        if response.status >= 400 and response.status != CANCELLED and not response._content:
            reason = "notFound" if response.status == HTTPStatus.NOT_FOUND else "invalid"
            fail(response, response.status, response.status.phrase, reason)
        if request.method == "DELETE" and response.status == HTTPStatus.OK and not response._content:
            response.status = HTTPStatus.NO_CONTENT

    return run


def fail(response, status, message, reason):
    response.status = status
    errors = [{"domain": "global", "reason": reason, "message": message}]
    response.json({"error": {"code": int(status), "message": message, "errors": errors}})


# Preconditions.


def query(request, name, default=None):
    return request.query.get(name, [default])[0]


def found(storage, bucket, name):
    return storage.objects.get(bucket, {}).get(name)


def check(conditions, resource, prefix="if"):
    """Refuses unless the object, if there is one, is as the query `conditions` says."""
    for field in "Generation", "Metageneration":
        value = int(resource[field.lower()]) if resource else 0
        wanted, unwanted = (conditions.get(f"{prefix}{field}{match}") for match in ("Match", "NotMatch"))
        if (wanted and int(wanted[0]) != value) or (unwanted and int(unwanted[0]) == value):
            message = "At least one of the pre-conditions you specified did not hold."
            raise Refused(HTTPStatus.PRECONDITION_FAILED, message, "conditionNotMet")


def in_bucket(storage, bucket):
    if bucket not in storage.buckets:
        raise Refused(HTTPStatus.NOT_FOUND, "The specified bucket does not exist.", "notFound")


def existing(request, storage, bucket="bucket_name", name="object_id", generation="generation"):
    bucket, name = request.params[bucket], request.params[name]
    in_bucket(storage, bucket)
    resource, wanted = found(storage, bucket, name), query(request, generation)
    if not resource or (wanted and wanted != resource["generation"]):
        raise Refused(HTTPStatus.NOT_FOUND, f"No such object: {bucket}/{name}", "notFound")
    return resource


def on_existing(handler):
    def run(request, response, storage):
        check(request.query, existing(request, storage))
        handler(request, response, storage)

    return run


def on_copy(handler):
    def run(request, response, storage):
        check(request.query, existing(request, storage, generation="sourceGeneration"), "ifSource")
        check(request.query, found(storage, request.params["dest_bucket_name"], request.params["dest_object_id"]))
        handler(request, response, storage)

    return run


# Storing.


def store(storage, base_url, conditions, bucket, name, data, meta):
    in_bucket(storage, bucket)
    check(conditions, found(storage, bucket, name))
    content_type = meta.get("contentType") or "application/octet-stream"
    resource = objects._make_object_resource(base_url, bucket, name, content_type, str(len(data)), meta)
    resource["metageneration"] = "1"
    storage.create_file(bucket, name, data, objects._checksums(data, resource))
    return resource


def insert(request, response, storage):
    kind, bucket, name = query(request, "uploadType"), request.params["bucket_name"], query(request, "name")
    handler = request._request_handler
    if kind == "resumable":
        return upload(request, response, storage) if query(request, "upload_id") else start(request, response, storage)
    if kind == "media":
        meta, data = {"contentType": request.get_header("Content-Type")}, handler.body
    elif kind == "multipart":
        meta, data = related(request.get_header("Content-Type", ""), handler.body)
    else:
        raise Refused(HTTPStatus.BAD_REQUEST, f"uploadType {kind}")
    meta.update(sums(request))
    name = name or meta.get("name")
    if not name:
        raise Refused(HTTPStatus.BAD_REQUEST, "Required object name", "required")
    response.json(store(storage, request.base_url, request.query, bucket, name, data, meta))


def sums(request):
    """The checksums of the header X-Goog-Hash, as fields of the object."""
    header = request.get_header("X-Goog-Hash") or ""
    pairs = (pair.strip().split("=", 1) for pair in header.split(",") if "=" in pair)
    return {{"crc32c": "crc32c", "md5": "md5Hash"}.get(name, name): value for name, value in pairs}


def related(content_type, body):
    """Metadata and content of a multipart/related body, the content to the byte. Checksums may come after it."""
    header = email.message.Message()
    header["Content-Type"] = content_type
    boundary = b"--" + (header.get_param("boundary") or "").strip("'").encode()  # gsutil quotes it so
    line = b"\r\n" if boundary + b"\r\n" in body else b"\n"
    parts = (line + body).split(line + boundary)
    if len(parts) not in (4, 5):
        raise Refused(HTTPStatus.BAD_REQUEST, "Malformed multipart body.")
    (_, meta), (head, content), *more = (part.split(line + line, 1) for part in parts[1:-1])
    meta = json.loads(meta)
    for _, checksums in more:
        meta.update(json.loads(checksums))
    for field in head.decode("latin-1").split(line.decode()):
        if field.lower().startswith("content-type:"):
            meta.setdefault("contentType", field.split(":", 1)[1].strip())
    return meta, content


# Sessions of a resumable upload.


class Session:
    def __init__(self, bucket, name, meta, conditions):
        self.bucket, self.name, self.meta, self.conditions = bucket, name, meta, conditions
        self.received, self.resource, self.cancelled = bytearray(), None, False


sessions = {}


def start(request, response, storage):
    meta = request.data or {}
    bucket, name = request.params["bucket_name"], query(request, "name") or meta.get("name")
    in_bucket(storage, bucket)
    if not name:
        raise Refused(HTTPStatus.BAD_REQUEST, "Required object name", "required")
    check(request.query, found(storage, bucket, name))
    meta.setdefault("contentType", request.get_header("X-Upload-Content-Type"))
    meta.update(sums(request))
    identity = secrets.token_urlsafe(24)
    sessions[identity] = Session(bucket, name, meta, request.query)
    scheme = "https" if isinstance(request._request_handler.connection, ssl.SSLSocket) else "http"
    address = request.get_header("Host")
    if ":" not in address:  # as Google's client for Rust sends it
        address = f"{address}:{request._request_handler.server.server_port}"
    response["Location"] = f"{scheme}://{address}{request.path}?uploadType=resumable&upload_id={identity}"
    response["X-GUploader-UploadID"] = identity


def session_of(request):
    session = sessions.get(query(request, "upload_id"))
    if not session:
        raise Refused(HTTPStatus.NOT_FOUND, "No such upload session.", "notFound")
    if session.cancelled:
        raise Refused(CANCELLED, "The upload was cancelled.", "cancelled")
    return session


RANGE = re.compile(r"bytes (?:(?P<first>\d+)-(?P<last>\d+|\*)|\*)/(?P<total>\d+|\*)")


def upload(request, response, storage):
    session, body, header = session_of(request), request._request_handler.body, request.get_header("Content-Range")
    if session.resource:
        return response.json(session.resource)
    if header is None:
        header = f"bytes 0-*/{len(body)}"
    match = RANGE.fullmatch(header.strip())
    if not match:
        raise Refused(HTTPStatus.BAD_REQUEST, f"Content-Range: {header}")
    first, last, total = match["first"], match["last"], match["total"]
    if total != "*":
        total = int(total)
    elif last == "*":  # all the rest, in a body that says itself where it ends
        total = int(first) + len(body)
    else:
        total = None
    received = len(session.received)
    if first is None:
        if body:
            raise Refused(HTTPStatus.BAD_REQUEST, "A query of the status has no body.")
    else:
        first, end = int(first), int(first) + len(body)
        if last != "*" and int(last) + 1 != end:
            raise Refused(HTTPStatus.BAD_REQUEST, f"{len(body)} bytes in the body, and Content-Range: {header}")
        if total is not None and end > total:
            raise Refused(HTTPStatus.BAD_REQUEST, f"More than the {total} bytes that Content-Range has.")
        if end != total and len(body) % CHUNK:
            raise Refused(HTTPStatus.BAD_REQUEST, f"A piece that is not the last one is a multiple of {CHUNK} bytes.")
        if first > received:
            raise Refused(HTTPStatus.BAD_REQUEST, f"The piece begins at {first}, and {received} bytes are stored.")
        session.received += body[received - first :]  # what is stored already is passed over
    if len(session.received) == total:
        meta = {**session.meta, **sums(request)}
        data = bytes(session.received)
        session.resource = store(
            storage, request.base_url, session.conditions, session.bucket, session.name, data, meta
        )
        session.received = bytearray()
        return response.json(session.resource)
    response.status = INCOMPLETE
    if session.received:
        response["Range"] = f"bytes=0-{len(session.received) - 1}"


def cancel(request, response, _storage):
    session = session_of(request)
    session.cancelled, session.received = True, bytearray()
    response.status = CANCELLED


def under_way(request, response, _storage):
    bucket = request.params["bucket_name"]
    response.json(
        {
            "sessions": [
                {"name": session.name, "metadata": session.meta.get("metadata") or {}, "size": len(session.received)}
                for session in sessions.values()
                if session.bucket == bucket and not session.resource and not session.cancelled
            ]
        }
    )


# Reading.


def ls(request, response, storage):
    prefix, delimiter = query(request, "prefix"), query(request, "delimiter")
    in_bucket(storage, request.params["bucket_name"])
    items, prefixes = storage.get_file_list(
        request.params["bucket_name"], prefix, delimiter, query(request, "matchGlob")
    )
    entries = [(item["name"], item) for item in items] + [(folder, None) for folder in prefixes]
    after, begin, end = query(request, "pageToken", ""), query(request, "startOffset", ""), query(request, "endOffset")
    entries = [
        entry for entry in entries if after < entry[0] and begin <= entry[0] and (end is None or entry[0] < end)
    ]
    entries.sort(key=lambda entry: entry[0].encode())
    size = min(int(query(request, "maxResults", PAGE)), PAGE)
    page, answer = entries[:size], {"kind": "storage#objects"}
    for field, values in (
        ("items", [item for _, item in page if item]),
        ("prefixes", [folder for folder, item in page if not item]),
    ):
        if values:
            answer[field] = values
    if len(entries) > size:
        answer["nextPageToken"] = page[-1][0]
    response.json(answer)


def get(request, response, storage):
    resource = existing(request, storage)
    check(request.query, resource)
    if query(request, "alt") != "media":
        return response.json(resource)
    data = storage.get_file(request.params["bucket_name"], request.params["object_id"])
    response["X-Goog-Hash"] = f"crc32c={resource['crc32c']},md5={resource['md5Hash']}"
    response["X-Goog-Generation"] = resource["generation"]
    response["X-Goog-Metageneration"] = resource["metageneration"]
    response["X-Goog-Storage-Class"] = resource["storageClass"]
    response["X-Goog-Stored-Content-Length"] = str(len(data))
    response["X-Goog-Stored-Content-Encoding"] = resource.get("contentEncoding") or "identity"
    response["ETag"] = resource["etag"]
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", (request.get_header("Range") or "").strip())
    if match and any(match.groups()):
        first, last = match.groups()
        first, last = (
            (int(first), min(int(last or len(data)), len(data) - 1))
            if first
            else (max(0, len(data) - int(last)), len(data) - 1)
        )
        if first >= len(data) or last < first:
            response["Content-Range"] = f"bytes */{len(data)}"
            raise Refused(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "The range is not satisfiable.")
        response["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        response.status, data = HTTPStatus.PARTIAL_CONTENT, data[first : last + 1]
    response.write_file(data, content_type=resource["contentType"])


def download(request, response, storage):
    request.query["alt"] = ["media"]
    get(request, response, storage)


# Putting it together.

ours = {
    objects.insert: insert,
    objects.upload_partial: upload,
    objects.ls: ls,
    objects.get: get,
    objects.download: download,
    objects.delete: on_existing(objects.delete),
    objects.patch: on_existing(objects.patch),
    objects.copy: on_copy(objects.copy),
    objects.rewrite: on_copy(objects.rewrite),
}


def replaced(pattern, methods):
    used = {method: answered(ours.get(handler, handler)) for method, handler in methods.items()}
    if methods.get("PUT") is objects.upload_partial:
        used["DELETE"] = answered(cancel)
        pattern = pattern.replace("^", "^(?:/resumable)?", 1)  # where the API's description puts it, and gsutil looks
    if methods.get("PUT") is objects.xml_upload:
        used["POST"], used["DELETE"] = gcs_multipart.post(store), gcs_multipart.delete
        used["PUT"], used["GET"] = gcs_multipart.put(used["PUT"]), gcs_multipart.get(used["GET"])
    return pattern, used


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    tls = None

    def finish_request(self, request, client_address):
        # In the connection's own thread. The first byte of a TLS handshake begins no method.
        if self.tls and request.recv(1, socket.MSG_PEEK) == b"\x16":
            request = self.tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError)):  # the client's to end it as it likes
            super().handle_error(request, client_address)


class Memory(Storage):
    """The emulator's store, without what only files need, and without the deleted that it would keep for a week."""

    def _write_config_to_file(self):
        pass

    def _bucket_soft_delete_retention_seconds(self, bucket_name):
        return 0


def main(address, port, certificate=None, key=None):
    if google_crc32c.implementation != "c":
        logging.warning("checksums are slow: google_crc32c has no compiled part here")
    for name in "_make_object_resource", "_checksums", "xml_upload":
        if not hasattr(objects, name):
            sys.exit(f"gcp-storage-emulator has no {name}: look at localstack/services/gcs.py when changing its version")
    under_way_at = r"^/sessions/(?P<bucket_name>[-.\w]+)$", {"GET": answered(under_way)}
    of_bucket = r"^/(?P<bucket_name>[-.\w]+)$", {"GET": gcs_multipart.ls}
    server.HANDLERS = under_way_at, *(replaced(*entry) for entry in server.HANDLERS), of_bucket
    objects.insert = answered(insert)  # the router also names it directly
    httpd = Server((address, int(port)), partial(Handler, Memory(use_memory_fs=True, data_dir="/")))
    if certificate:
        httpd.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        httpd.tls.load_cert_chain(certificate, key)
    print(f"listening on {address}:{port}, paths below {settings.API_ENDPOINT}", flush=True)
    httpd.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
