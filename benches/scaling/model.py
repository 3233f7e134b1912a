"""How long one stream takes until it is stored, on paper: what each byte costs on the way, and what can be on its way at once.
docs/SCALING.md says what it is for, and how far it can be trusted."""

from dataclasses import dataclass

MB, GB, MIB = 10**6, 10**9, 1 << 20
# What src/upload/window.rs, the generic row of adapters/s3/src/provider.rs, and src/part_policy.rs say.
FIRST_PLACES, SERVICE_LIMIT = 16, 32
SMALLEST_PART, FIRST_PART, PARTS_IN_MEMORY = 5 * MIB, 8 * MIB, 24
# Blocks that are being filled or wait, in bytes.
BLOCKS = 2 * MIB
# A round trip each: the upload is begun, and made an object.
ROUND_TRIPS = 2
# From the start of the program to its first byte, in seconds.
START = 0.02
# What no sample was taken of costs so much at most, in seconds a GB.
UNSEEN = 0.001


@dataclass
class Costs:
    """Seconds of a core for a GB (10^9 bytes). Of the plain bytes: `read` and `compress`; all else of the stored ones."""

    # The input into blocks: one after the other, on one thread.
    read: float
    # CRC64NVME, cutting into parts, in order: one task.
    order: float
    compress: float
    # By each connection for itself, so on any number of cores.
    encrypt: float
    send: float
    # The runtime, page faults, the allocator: on any number of cores.
    rest: float
    # What is stored of a byte.
    ratio: float
    # What the endpoint of the measurement takes on the same cores; a service far away takes nothing of them.
    endpoint: float = 0.0

    def client(self):
        """All cores together, for a GB of plain data."""
        return self.read + self.compress + self.ratio * (self.order + self.encrypt + self.send + self.rest)


@dataclass
class Surroundings:
    """Where it runs: cores; bytes of memory; seconds to the service; bytes a second of a connection, and of the whole line."""

    cores: int
    memory: int
    latency: float = 0.0
    connection: float | None = None
    line: float | None = None
    # Whether the endpoint has a core of its own.
    alone: bool = False


def limits(costs, where):
    """What each part of the way carries, in plain bytes a second, by name. The least of them is what comes through."""
    shared = 0.0 if where.alone else costs.ratio * costs.endpoint
    found = {
        "all cores": where.cores * GB / (costs.client() + shared),
        "reading the input": GB / max(costs.read, UNSEEN),
        "checksum and order": GB / max(costs.ratio * costs.order, UNSEEN),
    }
    if where.connection:
        found["parts in memory"] = in_flight(where) * part_rate(where) / costs.ratio
    if where.line:
        found["the line"] = where.line / costs.ratio
    return found


def part(where):
    """The size of a part: as many of them are to have room as PARTS_IN_MEMORY, if the service takes such small ones."""
    return min(max(where.memory // PARTS_IN_MEMORY // MIB * MIB, SMALLEST_PART), FIRST_PART)


def in_flight(where):
    """How many parts are on their way once the window is open. The one that is being gathered is half full on the average."""
    return min((where.memory - BLOCKS) / part(where) - 0.5, SERVICE_LIMIT)


def part_rate(where):
    """What one of them carries, in bytes a second."""
    return part(where) / (where.latency + part(where) / where.connection)


def seconds(costs, where, size):
    """For `size` plain bytes, from the start of the program to its end."""
    slowest = min(limits(costs, where).values())
    time = START + ROUND_TRIPS * where.latency
    if not where.connection:
        return time + size / slowest + where.latency
    # The window opens round by round; then the last part is waited for.
    once = part(where) / part_rate(where)
    places, left = FIRST_PLACES, size
    while places < in_flight(where) and left > 0:
        rate = min(slowest, places * part_rate(where) / costs.ratio)
        left -= rate * once
        time += once
        places *= 2
    return time + max(left, 0) / slowest + once
