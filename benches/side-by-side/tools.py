"""The programs that take part: Sealift, what people use today, and the libraries' writers; found or built."""

import os
import re
import shutil
import subprocess
from pathlib import Path

BENCHES = Path(__file__).resolve().parent.parent
ROOT = BENCHES.parent
# How many parts, and of which size, opendal's guide lets one set; its own default is one part at a time.
OPENDAL_TUNED = ["--concurrent", "8", "--chunk", str(8 << 20)]

# The packages of benches/ that take part, with their programs.
BUILT = {
    "sealift-bench-peers": {"object_store", "opendal", "compressor"},
    "sealift-bench-many-files": {"many-files"},
}
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    # What the machine's user has configured is not measured.
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "RCLONE_CONFIG": os.devnull,
    "RESTIC_PASSWORD": "bench",
    "HOME": "/",
    "LC_ALL": "C",
}


class Tools:
    """Where each program is; `None` for what is not there. Of ours, those in `needed` are built."""

    def __init__(self, needed, sealift=None):
        self.path = f"{BENCHES}/.tools/bin:{os.environ['PATH']}"
        self.env = {**ENVIRONMENT, "PATH": self.path}
        release = target(ROOT) / "release"
        if sealift is None:
            # As `cargo install --path cli` makes it: with every cloud.
            cargo(ROOT, "--package", "sealift-cli")
            sealift = release / "sealift"
        packages = {"sealift-bench-endpoint"}
        packages |= {package for package, programs in BUILT.items() if needed & programs}
        cargo(BENCHES, *(option for package in sorted(packages) for option in ("--package", package)))
        built = target(BENCHES) / "release"
        self.programs = {
            "sealift": str(sealift),
            "endpoint": str(built / "bench-endpoint"),
            "many-files": str(built / "many-files"),
            "object_store": str(built / "peer-object-store"),
            "opendal": str(built / "peer-opendal"),
            "compressor": str(built / "compressor-alone"),
        }
        for name in ("gzip", "pigz", "zstd", "aws", "s5cmd", "rclone", "restic"):
            self.programs[name] = shutil.which(name, path=self.path)

    def has(self, name):
        return self.programs.get(name) is not None

    def __getitem__(self, name):
        return self.programs[name]

    def memory(self):
        """What Sealift takes for data by default on this machine, in bytes."""
        command = [self["sealift"], "config", "show", "put"]
        shown = subprocess.run(command, env=self.env, capture_output=True, text=True, check=True).stdout
        return int(float(re.search(r"^memory = ([0-9.]+) MiB", shown, re.MULTILINE)[1]) * (1 << 20))

    def versions(self):
        """What each tool calls itself, for the report."""
        asked = {"sealift": "--version", "aws": "--version", "s5cmd": "version", "rclone": "version"}
        asked |= {"gzip": "--version", "pigz": "--version", "zstd": "--version", "restic": "version"}
        told = {}
        for name, option in asked.items():
            if self.has(name):
                done = subprocess.run([self[name], option], env=self.env, capture_output=True, text=True, check=False)
                told[name] = (done.stdout or done.stderr).splitlines()[0].split(" Python/")[0].strip()
        told |= {name: version for name, version in locked().items() if name in ("object_store", "opendal")}
        return told


def locked():
    """The versions in the lock of the benchmarks."""
    lines = (BENCHES / "Cargo.lock").read_text().splitlines()
    pairs = zip(lines, lines[1:])
    return {name[8:-1]: version[11:-1] for name, version in pairs if name.startswith("name = ")}


def cargo(workspace, *options):
    command = ["cargo", "build", "--release", "--locked", "--manifest-path", str(workspace / "Cargo.toml"), *options]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def target(workspace):
    """Where cargo puts what it builds."""
    return Path(os.environ.get("CARGO_TARGET_DIR") or workspace / "target")


# The commands that store their standard input under `key`.


def sealift_put(tools, url, key, *options):
    return [tools["sealift"], "put", f"s3://bench/{key}", "--endpoint-url", url, *options]


def aws_put(tools, url, key):
    return [tools["aws"], "s3", "cp", "-", f"s3://bench/{key}", "--endpoint-url", url]


def s5cmd_put(tools, url, key):
    return [tools["s5cmd"], "--endpoint-url", url, "--log", "error", "pipe", f"s3://bench/{key}"]


def rclone_put(tools, url, key):
    remote = f":s3,provider=Other,env_auth=true,region=us-east-1,endpoint='{url}':bench/{key}"
    return [tools["rclone"], "rcat", "--quiet", remote]


def object_store_put(tools, url, key):
    return [tools["object_store"], "--endpoint-url", url, "--bucket", "bench", key]


def opendal_put(tools, url, key, *options):
    return [tools["opendal"], "--endpoint-url", url, "--bucket", "bench", *options, key]


def restic_put(tools, url, key):
    return [*restic(tools, url), "backup", "--stdin", "--stdin-filename", key]


def restic_init(tools, url):
    return [*restic(tools, url), "init"]


def restic_dump(tools, url, key):
    return [*restic(tools, url), "dump", "latest", f"/{key}"]


def restic(tools, url):
    """Its repository is the whole bucket. What it keeps on the disk to be faster the next time is not made."""
    return [tools["restic"], "--quiet", "--no-cache", "--repo", f"s3:{url}/bench"]
