#!/usr/bin/env python3
"""Times ways to upload a stream of unknown length to Google Cloud Storage, over a modelled network: see README.md.

    bench.py                            the sweep, against a server in this script that discards what it is sent
    bench.py check [GCS_URL [S3_URL]]   the same requests to emulators, beside that server, in one cell of the sweep
    bench.py command SEALIFT            `sealift put`, by one session and in parallel parts, in one cell, where the server shapes
"""

import http.client
import itertools
import json
import math
import multiprocessing
import os
import re
import socketserver
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

MIB = 1 << 20
SLICE = 256 << 10  # what is sent between two looks at the clock
FLIGHT = 8  # requests at once of a parallel way
PART = 8 * MIB  # a component, or a part
GROUP = 32  # sources of a compose
SIZES = 64 * MIB, 256 * MIB
RUNS = 3
BUCKET = f"gcs-ways-{os.getpid()}"
OBJECTS, UPLOADS = f"/storage/v1/b/{BUCKET}/o", f"/upload/storage/v1/b/{BUCKET}/o"
JSON = {"Content-Type": "application/json"}
DATA = memoryview(os.urandom(MIB) * 32)
numbers = itertools.count()


@dataclass(frozen=True)
class Network:
    rtt: float = 0  # seconds, once a request
    rate: float = math.inf  # bytes a second, of each connection
    commit: float = 0  # seconds the service takes to store a piece or to make an object; not for starts and deletes

    def __str__(self):
        commit = f", commit {self.commit * 1e3:.0f} ms" if self.commit else ""
        return f"{self.rtt * 1e3:.0f} ms, {self.rate / 1e6:.0f} MB/s{commit}"


CELLS = [Network(rtt, rate) for rate in (30e6, 60e6) for rtt in (0.002, 0.020, 0.080)] + [Network(0.020, 60e6, 0.100)]


# The client, which is also the network: it holds back what it sends, and what it reads.


class Connection:
    def __init__(self, url, network):
        self.network, self.requests = network, 0
        self.http = http.client.HTTPConnection(urlsplit(url).netloc)
        self.http.connect()  # before the clock runs: a backup has its connections open

    def ask(self, method, path, body=b"", headers=(), stores=False, wanted=(200, 204)):
        self.requests += 1
        headers = {"Content-Length": str(len(body)), **dict(headers)}
        self.http.request(method, path, self.paced(memoryview(body)) if body else None, headers)
        # Before the answer is read, so that the server's own time is hidden in the round trip, if it is shorter.
        time.sleep(self.network.rtt + self.network.commit * stores)
        answer = self.http.getresponse()
        content = answer.read()
        if answer.status not in wanted:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:200]!r}")
        return answer.headers, content

    def paced(self, body):
        begin = time.perf_counter()
        for first in range(0, len(body), SLICE):
            yield body[first : first + SLICE]
            # By the time since the beginning, so that a late wake-up is made good.
            due = begin + min(first + SLICE, len(body)) / self.network.rate
            time.sleep(max(0, due - time.perf_counter()))


class Pool:
    def __init__(self, url, network, flight):
        self.connections = [Connection(url, network) for _ in range(flight)]
        self.idle, self.threads = list(self.connections), ThreadPoolExecutor(flight)

    def ask(self, *args, **kwargs):
        connection = self.idle.pop()
        try:
            return connection.ask(*args, **kwargs)
        finally:
            self.idle.append(connection)

    def each(self, calls):
        return list(self.threads.map(lambda call: self.ask(*call), calls))


# The ways. Each also tells what it takes by arithmetic, to show how far this machine is from its model.


class Session:
    """One resumable session, pieces in series."""

    api, flight = "gcs", 1

    def __init__(self, piece):
        self.piece, self.label = piece, f"(a) session, {piece // MIB} MiB pieces"

    def upload(self, pool, name, size):
        headers, _ = pool.ask("POST", f"{UPLOADS}?uploadType=resumable&name={name}&ifGenerationMatch=0")
        where = urlsplit(headers["Location"])
        for first in range(0, size, self.piece):
            end = min(first + self.piece, size)
            # The last piece tells the total: that the stream ends is known before it is sent.
            span = {"Content-Range": f"bytes {first}-{end - 1}/{size if end == size else '*'}"}
            wanted = (200,) if end == size else (308,)
            pool.ask("PUT", f"{where.path}?{where.query}", DATA[: end - first], span, True, wanted)

    def expected(self, size, net):
        return net.rtt + size / net.rate + math.ceil(size / self.piece) * (net.rtt + net.commit)


def parts(size):
    return [DATA[: min(PART, size - first)] for first in range(0, size, PART)]


class Compose:
    """Components at once, composed in groups, level by level; then all but the object is deleted, or compose did it."""

    api, flight = "gcs", FLIGHT

    def __init__(self, deletes):
        self.deletes = deletes
        self.label = "(b) components, compose, deletes" if deletes else "(b') the same, compose deletes its sources"

    def upload(self, pool, name, size):
        path = f"{UPLOADS}?uploadType=media&ifGenerationMatch=0&name={name}.part"
        pool.each(("POST", f"{path}{index}", body, {}, True) for index, body in enumerate(parts(size)))
        level = temporary = [f"{name}.part{index}" for index in range(len(parts(size)))]
        while level != [name]:
            groups = [level[first : first + GROUP] for first in range(0, len(level), GROUP)]
            level = [f"{group[0]}+" for group in groups] if len(groups) > 1 else [name]
            pool.each(self.compose(target, group) for target, group in zip(level, groups))
            temporary = temporary + [target for target in level if target != name]
        if self.deletes:
            pool.each(("DELETE", f"{OBJECTS}/{part}") for part in temporary)

    def compose(self, target, sources):
        body = {"sourceObjects": [{"name": source} for source in sources], "destination": {}}
        if not self.deletes:
            body["deleteSourceObjects"] = True
        return "POST", f"{OBJECTS}/{target}/compose?ifGenerationMatch=0", json.dumps(body).encode(), JSON, True

    def expected(self, size, net):
        level = temporary = math.ceil(size / PART)
        total = math.ceil(level / FLIGHT) * (PART / net.rate + net.rtt + net.commit)
        while level > 1:
            level = math.ceil(level / GROUP)
            total += math.ceil(level / FLIGHT) * (net.rtt + net.commit)
            temporary += level if level > 1 else 0
        return total + (math.ceil(temporary / FLIGHT) * net.rtt if self.deletes else 0)


class Multipart:
    """The XML API's multipart upload, which is S3's."""

    api, flight, label = "s3", FLIGHT, "(c) XML multipart"

    def upload(self, pool, name, size):
        path = f"/{BUCKET}/{name}"
        _, answer = pool.ask("POST", f"{path}?uploads")
        path = f"{path}?uploadId={re.search(rb'<UploadId>(.*?)</UploadId>', answer)[1].decode()}"
        calls = (("PUT", f"{path}&partNumber={number}", body, {}, True) for number, body in enumerate(parts(size), 1))
        tags = [headers["ETag"] for headers, _ in pool.each(calls)]
        tags = (f"<Part><PartNumber>{n}</PartNumber><ETag>{tag}</ETag></Part>" for n, tag in enumerate(tags, 1))
        body = f"<CompleteMultipartUpload>{''.join(tags)}</CompleteMultipartUpload>"
        pool.ask("POST", path, body.encode(), {"Content-Type": "application/xml"}, True)

    def expected(self, size, net):
        rounds = math.ceil(size / PART / FLIGHT)
        return 2 * net.rtt + net.commit + rounds * (PART / net.rate + net.rtt + net.commit)


SERIAL = [Session(piece * MIB) for piece in (8, 16, 32)]
PARALLEL = [Compose(True), Compose(False), Multipart()]


# The server of the sweep: it keeps and checks names and lengths, and no bytes.


class Discard(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    objects, uploads, metadata = {}, {}, {}
    network = Network()  # what a client that does no shaping itself is to have

    def handle(self):
        buffer = memoryview(bytearray(MIB))
        while line := self.rfile.readline():
            method, target, _ = line.decode().split()
            headers = http.client.parse_headers(self.rfile)
            left = size = int(headers["Content-Length"] or 0)
            begin = time.perf_counter()
            while left:
                left -= self.rfile.readinto(buffer[: min(left, SLICE if self.network.rtt else MIB)])
                time.sleep(max(0, begin + (size - left) / self.network.rate - time.perf_counter()))
            time.sleep(self.network.rtt)
            url = urlsplit(target)
            query = {key: value[0] for key, value in parse_qs(url.query, True).items()}
            status, more, content = self.answer(method, url.path, query, headers, size, buffer)
            more = "".join(f"{key}: {value}\r\n" for key, value in more.items())
            self.wfile.write(f"HTTP/1.1 {status} -\r\n{more}Content-Length: {len(content)}\r\n\r\n{content}".encode())

    def answer(self, method, path, query, headers, size, body):
        objects, uploads, name = self.objects, self.uploads, path.rsplit("/", 1)[1]
        if "upload_id" in query:  # a piece of a session
            name = query["upload_id"]
            first, last, total = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)", headers["Content-Range"] or "").groups()
            if size and (int(first) != uploads[name] or int(last) + 1 - int(first) != size):
                return 400, {}, ""
            uploads[name] += size
            if total == "*":
                return 308, {"Range": f"bytes=0-{last}"}, ""
            objects[name] = uploads.pop(name)
            return 200, {}, self.resource(name)
        elif query.get("uploadType") == "resumable":
            uploads[query["name"]] = 0
            self.metadata[query["name"]] = json.loads(bytes(body[:size]) or b"{}").get("metadata", {})
            return 200, {"Location": f"{path}?uploadType=resumable&upload_id={query['name']}"}, ""
        elif query.get("uploadType") == "media":
            objects[query["name"]] = size
        elif name == "compose":
            request = json.loads(bytes(body[:size]))
            sources = [source["name"] for source in request["sourceObjects"]]
            if len(sources) > GROUP or not objects.keys() >= set(sources):
                return 400, {}, ""
            objects[path.split("/")[-2]] = sum(objects[source] for source in sources)
            for source in sources if request.get("deleteSourceObjects") else ():
                del objects[source]
        elif "uploads" in query:
            uploads[name] = {}
            self.metadata[name] = {"sealift-token": headers["x-goog-meta-sealift-token"] or ""}
            return 200, {}, self.document("InitiateMultipartUploadResult", name)
        elif "partNumber" in query:
            uploads[name][query["partNumber"]] = size
            return 200, {"ETag": '"-"'}, ""
        elif "uploadId" in query:
            objects[name] = sum(uploads.pop(name).values())
            return 200, {}, self.document("CompleteMultipartUploadResult", name)
        elif method == "DELETE":
            objects.pop(name, None)
        elif method == "GET" and path == OBJECTS:
            return 200, {}, json.dumps({"items": [{"name": name, "size": size} for name, size in objects.items()]})
        elif method == "GET" and path.startswith(OBJECTS):
            missing = {"message": "No such object", "errors": [{"reason": "notFound"}]}
            return (200, {}, self.resource(name)) if name in objects else (404, {}, json.dumps({"error": missing}))
        elif method == "GET":
            return 200, {}, "".join(f"<Key>{name}</Key><Size>{size}</Size>" for name, size in objects.items())
        return 200, {}, ""

    def resource(self, name):
        fields = {"name": name, "size": str(self.objects[name]), "generation": "1"}
        return json.dumps({**fields, "metadata": self.metadata.get(name, {})})

    def document(self, root, name):
        return f"<{root}><Key>{name}</Key><UploadId>{name}</UploadId></{root}>"


# Measuring.


def timed(way, url, network, size):
    """Seconds, requests, and the object's name."""
    name, pool = f"object{next(numbers)}", Pool(url, network, way.flight)
    begin = time.perf_counter()
    way.upload(pool, name, size)
    return time.perf_counter() - begin, sum(connection.requests for connection in pool.connections), name


def proved(way, url, network, size):
    """`timed`; and the object has its length, and nothing else is left. It is deleted."""
    seconds, requests, name = timed(way, url, network, size)
    line, path = Connection(url, Network()), OBJECTS if way.api == "gcs" else f"/{BUCKET}"
    _, content = line.ask("GET", path)
    if way.api == "gcs":
        found = {item["name"]: int(item["size"]) for item in json.loads(content)["items"]}
    else:
        found = {n.decode(): int(s) for n, s in re.findall(rb"<Key>(.*?)</Key>.*?<Size>(\d+)</Size>", content, re.S)}
    for left in found:
        line.ask("DELETE", f"{path}/{left}")
    if found != {name: size}:
        sys.exit(f"{way.label}: {found} is left, and not {name} of {size} bytes")
    return seconds, requests


def sweep(url):
    print("Without shaping, 1 GiB, best of 2:\n")
    for way in SERIAL + PARALLEL:
        (seconds, requests), _ = sorted(proved(way, url, Network(), 1 << 30) for _ in range(2))
        print(f"- {way.label}: {(1 << 30) / seconds / 1e6:.0f} MB/s, {requests} requests", flush=True)
    serial, parallel = list(itertools.product(SERIAL, SIZES)), list(itertools.product(PARALLEL, SIZES))
    files, times, requests = [(SERIAL[1], SIZES[0])] * FLIGHT, {}, {}
    for _, network in itertools.product(range(RUNS), CELLS):
        # Uploads in series have one connection each, and run together: they take well less than what was just printed.
        with ThreadPoolExecutor(len(serial + files)) as threads:
            done = list(threads.map(lambda job: timed(job[0], url, network, job[1]), serial + files))
        done, of_files = done[: len(serial)], done[len(serial) :]
        done += [timed(way, url, network, size) for way, size in parallel]
        done.append((max(seconds for seconds, _, _ in of_files), sum(count for _, count, _ in of_files), ""))
        for job, (seconds, requests[job], _) in zip([*serial, *parallel, FLIGHT], done):
            times.setdefault((job, network), []).append(seconds)
    medians = {cell: statistics.median(runs) for cell, runs in times.items()}
    for size in SIZES:
        print(f"\n| {size // MIB} MiB | requests | {' | '.join(map(str, CELLS))} |\n|---|{'--:|' * (len(CELLS) + 1)}")
        rows = [(way.label, (way, size)) for way in SERIAL + PARALLEL]
        rows += [(f"{FLIGHT} files at once, each by (a), 16 MiB", FLIGHT)] if size == SIZES[0] else []
        for label, job in rows:
            print(f"| {label} | {requests[job]} | {' | '.join(f'{medians[job, network]:.2f}' for network in CELLS)} |")
    over = {(job, network): seconds / job[0].expected(job[1], network) - 1
            for (job, network), seconds in medians.items() if job != FLIGHT}  # fmt: skip
    (way, size), network = worst = max(over, key=over.get)
    print(f"\nOver the arithmetic by {statistics.median(over.values()):.1%} in the middle, {over[worst]:.1%} at most: "
          f"{way.label}, {size // MIB} MiB, {network}.")  # fmt: skip
    spread = max((max(runs) - min(runs)) / medians[cell] for cell, runs in times.items())
    print(f"The {RUNS} runs of a cell differ by {spread:.1%} of the median at most.")


def check(url, gcs="http://127.0.0.1:9023", s3="http://127.0.0.1:4566"):
    network, size = CELLS[1], SIZES[0]
    print(f"{size // MIB} MiB, seconds without shaping, at {network}, and by arithmetic, median of {RUNS}:\n")
    for way in SERIAL[0], PARALLEL[0], PARALLEL[2]:
        emulator = {"gcs": gcs, "s3": s3}[way.api]
        for server, label in (emulator, f"emulator of {way.api}"), (url, "server of the sweep"):
            line, bucket = Connection(server, Network()), f"/{BUCKET}"
            if way.api == "gcs":
                bucket = f"/storage/v1/b/{BUCKET}"
                line.ask("POST", "/storage/v1/b", json.dumps({"name": BUCKET}).encode(), JSON)
            else:
                line.ask("PUT", bucket)
            runs = [[proved(way, server, net, size)[0] for _ in range(RUNS)] for net in (Network(), network)]
            line.ask("DELETE", bucket)
            row = [*map(statistics.median, runs), way.expected(size, network)]
            print(f"- {way.label}, {label}: {', '.join(f'{seconds:.2f}' for seconds in row)}", flush=True)


def command(url, sealift):
    """The command as it is, whose source is this script and faster than all connections together."""
    size, environment = SIZES[1], {**os.environ, "STORAGE_EMULATOR_HOST": url}
    ways = {"one session": [], "--parallel-stream": ["--parallel-stream"]}
    times = {way: [] for way in ways}
    for _, (way, options) in itertools.product(range(RUNS), ways.items()):
        name = f"command{next(numbers)}"
        arguments = [sealift, "put", name, "--storage", f"gs://{BUCKET}", "--codec", "none", "--quiet"]
        arguments += ["--give-up-after", "5s", *options]
        begin = time.perf_counter()
        with subprocess.Popen(arguments, stdin=subprocess.PIPE, env=environment) as process:
            for _ in range(size // len(DATA)):
                process.stdin.write(DATA)
            process.stdin.close()
        seconds = time.perf_counter() - begin
        _, content = Connection(url, Network()).ask("GET", f"{OBJECTS}/{name}", wanted=(200, 404))
        if process.returncode or int(json.loads(content).get("size", 0)) != size:
            sys.exit(f"{way}: exit code {process.returncode}, {content}")
        times[way].append(seconds)
    print(f"`sealift put --codec none` of {size // MIB} MiB at {Discard.network}, median of {RUNS}:\n")
    for way, seconds in times.items():
        print(f"- {way}: {statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})")


if __name__ == "__main__":
    if sys.argv[1:2] == ["command"]:
        Discard.network = Network(0.020, 60e6)
    socketserver.ThreadingTCPServer.request_queue_size = 128  # all pools connect at once
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Discard)
    # A process of its own, so that it does not share the interpreter's lock with the client.
    process = multiprocessing.get_context("fork").Process(target=server.serve_forever, daemon=True)
    process.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        {"check": check, "command": command}.get("".join(sys.argv[1:2]), sweep)(url, *sys.argv[2:])
    finally:
        process.terminate()
