"""The work that is measured: the rows of the table that Sealift must reach, who takes part in each, what is asked."""

from dataclasses import dataclass, field, replace
from typing import Callable

import tools as t

GIB = 1 << 30
# Services that are far away: round trip before each answer in ms, and what a connection carries in bytes a second.
FAR, FARTHER = (30, 50_000_000), (100, 20_000_000)
# Longer than the stream of which parts are kept in memory only.
LONG = 18 * GIB
# So many commands of one file each are run of those that the row is about; their time is scaled.
COMMANDS_RUN, MANY = 40, 2_000


@dataclass
class Repository:
    """Where a tool keeps what it stores among files of its own, which it reads again: commands that make it, and that print
    what was stored last. It also encrypts and stores nothing twice."""

    made_by: Callable
    read_by: Callable


RESTIC = Repository(t.restic_init, t.restic_dump)


@dataclass
class Contender:
    """One way to do the work: programs it needs, and the commands of its pipeline for an endpoint and a key."""

    name: str
    needs: list
    commands: Callable
    # How often the commands would have to be run to do the whole work.
    scale: float = 1.0
    uses_endpoint: bool = True
    repository: Repository | None = None


@dataclass
class Target:
    """What must be reached: `ours` is so many times better than the best of `against`."""

    text: str
    ours: str
    against: list
    metric: str
    at_least: float


@dataclass
class Row:
    """One kind of work."""

    name: str
    title: str
    contenders: list
    targets: list
    endpoint: list = field(default_factory=list)
    # Where the pipelines read from: the data, a sample of it, or nothing.
    source: str = "data"
    repeats: int = 1
    over_tls: bool = False


def rows():
    """All of them."""
    far_ones = [far("far", *FAR), far("farther", *FARTHER)]
    small_ones = [small("small"), small("small-far", FAR[0])]
    efforts = [effort("effort"), effort("effort-line", 30), effort("effort-slow-line", 8)]
    efforts.append(effort("effort-little-memory", 8, "--memory", "32MiB"))
    alike = [compress(), plain(), many(), *far_ones, read(), long(), *small_ones, *efforts]
    return alike + [over_tls(row) for row in (compress(), plain(), *far_ones, read(), *small_ones)]


def over_tls(row):
    """The same with encrypted connections."""
    takes_part = [contender for contender in row.contenders if contender.uses_endpoint]
    names = {contender.name for contender in takes_part}
    targets = [replace(target, against=[one for one in target.against if one in names]) for target in row.targets]
    targets = [target for target in targets if target.against]
    title = f"{row.title}, over TLS"
    return replace(row, name=f"{row.name}-tls", title=title, contenders=takes_part, targets=targets, over_tls=True)


def ours(*options):
    return lambda tools, url, key, _: [t.sealift_put(tools, url, key, *options)]


def after_gzip(put):
    return lambda tools, url, key, _: [[tools["gzip"], "-c"], put(tools, url, key)]


def alone(put, *options):
    return lambda tools, url, key, _: [put(tools, url, key, *options)]


def compress():
    contenders = [
        Contender("sealift", ["sealift"], ours()),
        Contender("sealift, zstd", ["sealift"], ours("--codec", "zstd")),
        Contender("gzip | aws", ["gzip", "aws"], after_gzip(t.aws_put)),
        Contender(
            "pigz -p2 | s5cmd",
            ["pigz", "s5cmd"],
            lambda tools, url, key, _: [[tools["pigz"], "-p2", "-c"], t.s5cmd_put(tools, url, key)],
        ),
        Contender(
            "zstd -T2 | s5cmd",
            ["zstd", "s5cmd"],
            lambda tools, url, key, _: [[tools["zstd"], "-T2", "-qc"], t.s5cmd_put(tools, url, key)],
        ),
        Contender("gzip | rclone", ["gzip", "rclone"], after_gzip(t.rclone_put)),
        Contender("gzip | object_store", ["gzip", "object_store"], after_gzip(t.object_store_put)),
        Contender("gzip | opendal", ["gzip", "opendal"], after_gzip(t.opendal_put)),
        Contender("restic", ["restic"], alone(t.restic_put), repository=RESTIC),
        Contender("libdeflate alone", ["compressor"], compressor("gzip"), uses_endpoint=False),
        Contender("libzstd alone", ["compressor"], compressor("zstd"), uses_endpoint=False),
    ]
    targets = compress_targets("sealift", "", "libdeflate alone")
    targets += compress_targets("sealift, zstd", "zstd: ", "libzstd alone")
    return Row("compress", "store with compression", contenders, targets)


def compressor(codec):
    return lambda tools, _url, _key, data: [[tools["compressor"], "--codec", codec, str(data)]]


def compress_targets(ours_is, prefix, compressor_is):
    return [
        Target(f"{prefix}faster than `gzip | aws`", ours_is, ["gzip | aws"], "wall", 8),
        Target(f"{prefix}less CPU than `gzip | aws`", ours_is, ["gzip | aws"], "cpu", 3.5),
        Target(f"{prefix}stored no larger than `gzip -6`", ours_is, ["gzip | aws"], "stored", 1),
        Target(f"{prefix}faster than `pigz -p2 | s5cmd`", ours_is, ["pigz -p2 | s5cmd"], "wall", 4),
        Target(f"{prefix}of the rate of the compressor alone", ours_is, [compressor_is], "wall", 0.9),
    ]


def uncompressed():
    """Everybody without compression."""
    return [
        Contender("sealift", ["sealift"], ours("--codec", "none")),
        Contender("s5cmd", ["s5cmd"], alone(t.s5cmd_put)),
        Contender("aws", ["aws"], alone(t.aws_put)),
        Contender("rclone", ["rclone"], alone(t.rclone_put)),
        Contender("object_store", ["object_store"], alone(t.object_store_put)),
        Contender("opendal", ["opendal"], alone(t.opendal_put)),
        Contender("opendal, 8 at once", ["opendal"], alone(t.opendal_put, *t.OPENDAL_TUNED)),
    ]


def plain():
    commands = ["s5cmd", "aws", "rclone"]
    targets = [
        Target("less CPU than the best of s5cmd, aws, rclone", "sealift", commands, "cpu", 1.5),
        Target("no slower than the best of s5cmd, aws, rclone", "sealift", commands, "wall", 1),
    ]
    tuned = ["opendal, 8 at once"]
    targets += [
        Target("no slower than opendal with 8 at once", "sealift", tuned, "wall", 1),
        Target("no more CPU than opendal with 8 at once", "sealift", tuned, "cpu", 1),
    ]
    return Row("plain", "store as it is", uncompressed(), targets)


def effort(name, line=None, *options):
    """The level that is found beside the one that is fixed; with a line that all connections share, of so many MB/s."""
    kinds = {"sealift": [], "sealift, zstd": ["--codec", "zstd"]}
    contenders, targets = [], []
    for fixed, codec in kinds.items():
        found, prefix = f"{fixed}, --level auto", "zstd: " if codec else ""
        contenders.append(Contender(fixed, ["sealift"], ours(*codec, *options)))
        contenders.append(Contender(found, ["sealift"], ours(*codec, *options, "--level", "auto")))
        targets.append(Target(f"{prefix}`--level auto` no slower than the default", found, [fixed], "wall", 0.97))
        if line:
            targets.append(Target(f"{prefix}`--level auto` stored smaller than the default", found, [fixed], "stored", 1))
    title = "store with compression, the level by itself" + (f", a line of {line} MB/s" if line else "")
    title += f", `{' '.join(options)}`" if options else ""
    return Row(name, title, contenders, targets, endpoint=["--total-rate", line * 1_000_000] if line else [])


def far(name, latency, rate):
    more_memory = "sealift, --memory 192MiB"
    contenders = uncompressed()
    everybody = [contender.name for contender in contenders[1:]]
    contenders.append(Contender(more_memory, ["sealift"], ours("--codec", "none", "--memory", "192MiB")))
    title = f"store as it is, {latency} ms latency, {rate // 1_000_000} MB/s a connection"
    targets = [
        Target("faster than the best of the peers", "sealift", everybody, "wall", 2),
        Target("the same, with `--memory 192MiB`", more_memory, everybody, "wall", 2),
    ]
    return Row(name, title, contenders, targets, endpoint=["--latency", latency, "--rate", rate])


def many():
    def files(tools, url, _key, folder):
        return [[tools["many-files"], "--endpoint-url", url, "--bucket", "bench", str(folder)]]

    def commands(tools, url, key, folder):
        # One shell after the other, as a tool does that starts one for each file.
        put = f"gzip -c | aws s3 cp - s3://bench/{key}-$file --endpoint-url {url} --quiet"
        each = f"export file; bash -o pipefail -c '{put}' < $file || exit"
        script = f"for file in $(ls | head -n {COMMANDS_RUN}); do {each}; done"
        return [["env", "-C", str(folder), "bash", "-c", script]]

    def folder_put(*options):
        return lambda tools, url, key, folder: [t.sealift_put(tools, url, key, "--folder", str(folder), *options)]

    contenders = [
        Contender("sealift", ["sealift"], folder_put()),
        Contender("sealift, zstd", ["sealift"], folder_put("--codec", "zstd")),
        Contender("sealift (library)", ["many-files"], files),
        Contender("gzip | aws each", ["gzip", "aws"], commands, scale=MANY / COMMANDS_RUN),
    ]
    text = "faster than one `bash -c 'gzip | aws'` each"
    targets = [
        Target(text, "sealift", ["gzip | aws each"], "wall", 100),
        Target(f"zstd: {text}", "sealift, zstd", ["gzip | aws each"], "wall", 100),
    ]
    return Row("many", f"store {MANY:,} files of 1 MiB with compression", contenders, targets, source="many")


def read():
    def get(key):
        return lambda tools, url, _key, _data: [[tools["sealift"], "get", f"s3://bench/{key}", "--endpoint-url", url]]

    def aws(tools, url, _key, _data):
        command = [tools["aws"], "s3", "cp", "s3://bench/foreign", "-", "--endpoint-url", url]
        return [command, [tools["gzip"], "-dc"]]

    contenders = [
        Contender("sealift", ["sealift"], get("own")),
        Contender("sealift, foreign gzip", ["sealift"], get("foreign")),
        Contender("aws | gzip -dc", ["aws", "gzip"], aws),
    ]
    targets = [
        Target("faster than `aws | gzip -dc`", "sealift", ["aws | gzip -dc"], "wall", 3),
        Target("the same, of what gzip wrote", "sealift, foreign gzip", ["aws | gzip -dc"], "wall", 3),
    ]
    return Row("read", "read back what is stored compressed", contenders, targets, source="stored")


def long():
    def zeros(tools, url, key, _):
        return [["head", "-c", str(LONG), "/dev/zero"], t.sealift_put(tools, url, key, "--codec", "none")]

    contenders = [Contender("sealift", ["sealift"], zeros)]
    return Row("long", f"a stream of {LONG >> 30} GiB of zeros, stored as it is", contenders, [], source="nothing")


def small(name, latency=0):
    contenders = [
        Contender("sealift", ["sealift"], ours()),
        Contender("aws", ["aws"], alone(t.aws_put)),
        Contender("s5cmd", ["s5cmd"], alone(t.s5cmd_put)),
        Contender("rclone", ["rclone"], alone(t.rclone_put)),
    ]
    targets = [Target("no slower than `s5cmd`", "sealift", ["s5cmd"], "wall", 1)]
    if not latency:
        targets = [
            Target("first byte sooner than `aws`", "sealift", ["aws"], "first_byte", 40),
            Target("done sooner than `aws`", "sealift", ["aws"], "wall", 20),
        ]
    title = "a put of 1 KiB" + (f", {latency} ms latency" if latency else "")
    return Row(name, title, contenders, targets, endpoint=["--latency", latency], source="small", repeats=5)
