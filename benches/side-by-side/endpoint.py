"""The endpoint that everything is stored in: benches/endpoint, started and asked what it saw."""

import json
import subprocess
import urllib.request

BUCKET = "bench"


class Endpoint:
    """A running endpoint; `with` ends it."""

    def __init__(self, program, *options):
        self.process = subprocess.Popen([program, *map(str, options)], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError("the endpoint did not start")

    @property
    def pid(self):
        return self.process.pid

    def stats(self):
        with urllib.request.urlopen(f"{self.url}/_stats") as answer:
            return json.load(answer)

    def size(self, key):
        """The size of an object, in bytes."""
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/{BUCKET}/{key}", method="HEAD")) as answer:
            return int(answer.headers["content-length"])

    def read(self, key):
        """The bytes of an object."""
        with urllib.request.urlopen(f"{self.url}/{BUCKET}/{key}") as answer:
            return answer.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
