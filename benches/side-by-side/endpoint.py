"""The endpoint that everything is stored in: benches/endpoint, started and asked what it saw."""

import json
import ssl
import subprocess
import tempfile
import urllib.request
from pathlib import Path

BUCKET = "bench"


class Endpoint:
    """A running endpoint; `with` ends it."""

    def __init__(self, program, *options, over_tls=False):
        self.folder = tempfile.TemporaryDirectory()
        certificate = Path(self.folder.name) / "certificate.pem"
        if over_tls:
            options = (*options, "--tls", certificate)
        self.process = subprocess.Popen([program, *map(str, options)], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError("the endpoint did not start")
        # By the variables that the programs know: those of AWS's, and those in Go.
        self.trust = {"AWS_CA_BUNDLE": str(certificate), "SSL_CERT_FILE": str(certificate)} if over_tls else {}
        self.context = ssl.create_default_context(cafile=certificate) if over_tls else None

    @property
    def pid(self):
        return self.process.pid

    def stats(self):
        with self.asked("_stats") as answer:
            return json.load(answer)

    def size(self, key):
        """The size of an object, in bytes."""
        with self.asked(f"{BUCKET}/{key}", "HEAD") as answer:
            return int(answer.headers["content-length"])

    def read(self, key):
        """The bytes of an object."""
        with self.asked(f"{BUCKET}/{key}") as answer:
            return answer.read()

    def asked(self, path, method="GET"):
        request = urllib.request.Request(f"{self.url}/{path}", method=method)
        return urllib.request.urlopen(request, context=self.context)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.folder.cleanup()
