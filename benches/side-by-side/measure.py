"""Runs a pipeline and measures it: time, processor, memory, and how much of the processor others took meanwhile."""

import os
import resource
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
# How often memory is looked at. The kernel keeps each process's peak, so only the last moment before its end is missed.
INTERVAL = 0.01


@dataclass
class Measured:
    """One run."""

    wall: float
    # User and system time of every process of the pipeline, in seconds.
    cpu: float
    # The peak of all its processes together, and of the largest, in bytes.
    peak_sum: int
    peak_largest: int
    # The processor time that was neither the pipeline's nor the endpoint's nor the harness's own, in seconds.
    others: float
    endpoint_cpu: float = 0.0
    started_unix_ns: int = 0


def pipeline(commands, env, source=None, sink=None, endpoint=None):
    """Runs `commands`, each reading what the one before it writes; the first reads the file `source`."""
    busy, own = machine_busy(), own_cpu()
    endpoint_before = process_cpu(endpoint) if endpoint else 0.0
    started_unix_ns = time.time_ns()
    started = time.monotonic()
    processes = start(commands, env, source, sink)
    memory = Memory([process.pid for process in processes])
    cpu = 0.0
    failed = []
    for process, command in zip(processes, commands):
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        cpu += usage.ru_utime + usage.ru_stime
        if process.returncode != 0:
            failed.append(f"{' '.join(map(str, command))}: exit {process.returncode}")
    wall = time.monotonic() - started
    peak_sum, peak_largest = memory.stop()
    if failed:
        raise RuntimeError("; ".join(failed))
    endpoint_cpu = process_cpu(endpoint) - endpoint_before if endpoint else 0.0
    others = machine_busy() - busy - cpu - endpoint_cpu - (own_cpu() - own)
    return Measured(wall, cpu, peak_sum, peak_largest, max(others, 0.0), endpoint_cpu, started_unix_ns)


def start(commands, env, source, sink):
    """Starts all of a pipeline."""
    processes = []
    previous = open(source or os.devnull, "rb")
    for number, command in enumerate(commands):
        last = number == len(commands) - 1
        output = open(sink or os.devnull, "wb") if last else subprocess.PIPE
        processes.append(subprocess.Popen(command, stdin=previous, stdout=output, env=env))
        # Held by nobody else, so that each process sees the others end.
        previous.close()
        if last:
            output.close()
        else:
            previous = processes[-1].stdout
    return processes


class Memory:
    """Watches the peak memory of processes and their children."""

    def __init__(self, pids):
        self.pids = pids
        self.peaks = {}
        self.sum = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self):
        while not self.ended.wait(INTERVAL):
            self.look()

    def look(self):
        alive = [pid for root in self.pids for pid in family(root)]
        for pid in alive:
            self.peaks[pid] = max(self.peaks.get(pid, 0), peak_of(pid))
        # Processes of one pipeline run at the same time, also if one has just ended.
        now = sum(self.peaks[pid] for pid in set(alive) | (set(self.pids) & self.peaks.keys()))
        self.sum = max(self.sum, now)

    def stop(self):
        self.ended.set()
        self.thread.join()
        return self.sum, max(self.peaks.values(), default=0)


def family(pid):
    """A process and all below it."""
    yield pid
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from family(int(child))
    except OSError:
        return


def peak_of(pid):
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    # A process that has ended and is not waited for yet has no such line.
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), None)
    return int(line.split()[1]) * 1024 if line else 0


def process_cpu(pid):
    """User and system time of a running process, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def machine_busy():
    """The time all processors together were not idle, in seconds."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields
    return (user + nice + system + irq + softirq + steal) / TICK


def own_cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
