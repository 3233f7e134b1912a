"""The data that is stored: binaries and text that the machine has, each file once, in a fixed order."""

import hashlib
import json
import os
from pathlib import Path

ROOTS = ["/usr/bin", "/usr/include", "/usr/lib", "/usr/libexec", "/usr/local", "/usr/share"]
MIB = 1 << 20


def kind(head):
    """What a file is, by its beginning; None for what is neither a program nor text (images, archives)."""
    if head.startswith(b"\x7fELF"):
        return "binaries"
    if b"\0" in head or head.startswith((b"\x1f\x8b", b"\xfd7zXZ", b"PK\x03\x04", b"\x89PNG")):
        return None
    try:
        # A character may be cut at the end.
        head[:-4].decode("utf-8") if len(head) > 4 else head.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return "text"


def files(wanted):
    """Paths of one kind below the roots, in the order of their names."""
    for root in ROOTS:
        for folder, folders, names in os.walk(root):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(folder, name)
                if os.path.islink(path) or not os.path.isfile(path):
                    continue
                try:
                    with open(path, "rb") as file:
                        if kind(file.read(4096)) == wanted:
                            yield path
                except OSError:
                    continue


def make(folder, size):
    """A file of `size` bytes, half binaries and half text, interleaved; made once."""
    folder.mkdir(parents=True, exist_ok=True)
    data, told = folder / f"data-{size}", folder / f"data-{size}.json"
    if not told.exists():
        about = write(data, size)
        told.write_text(json.dumps(about))
    return data, json.loads(told.read_text())


def write(path, size):
    sources = {name: files(name) for name in ("binaries", "text")}
    taken = dict.fromkeys(sources, 0)
    counts = dict.fromkeys(sources, 0)
    whole, seen = hashlib.sha256(), set()
    with open(path, "wb") as out:
        while (left := size - sum(taken.values())) > 0:
            if not sources:
                raise SystemExit(f"this machine has only {sum(taken.values()) >> 20} MiB of such files; use --size")
            # From the kind of which less was taken, so that they alternate.
            name = min(sources, key=taken.get)
            source = next(sources[name], None)
            if source is None:
                del sources[name]
                continue
            content = Path(source).read_bytes()
            digest = hashlib.sha256(content).digest()
            if digest in seen:
                continue
            seen.add(digest)
            content = content[:left]
            out.write(content)
            whole.update(content)
            taken[name] += len(content)
            counts[name] += 1
    return {"size": size, "sha256": whole.hexdigest(), "bytes": taken, "files": counts, "roots": ROOTS}


def many(folder, data, count):
    """A folder of `count` files of 1 MiB, all different: pieces of `data`, each half a MiB further."""
    files, done = folder / f"many-{count}-{data.name}", folder / f"many-{count}-{data.name}.done"
    if not done.exists():
        files.mkdir(exist_ok=True)
        step = min(MIB // 2, max(1, (data.stat().st_size - MIB) // count))
        with open(data, "rb") as source:
            for number in range(count):
                source.seek(number * step)
                (files / f"{number:05}").write_bytes(source.read(MIB))
        done.touch()
    return files
