"""Which process a run is, so that another one can tell whether it is still there.

Rules kept here:

1. A process is called gone only on proof: same machine, same boot, same space of process ids, and no such process.
   Where the system cannot tell (elsewhere, after a reboot, not on Linux), only the heartbeat counts.
2. A process that is there may be another one that got the same number: it counts as running.
"""

import hashlib
import os
import socket
from pathlib import Path

from perpmaker.journal.readers import RunRecord


def this_host() -> str:
    """The machine's name and, where it can be had, a mark of its boot and space of process ids."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return socket.gethostname()
    mark = hashlib.sha256(f"{boot} {space}".encode()).hexdigest()[:12]
    return f"{socket.gethostname()} {mark}"


def is_gone(run: RunRecord) -> bool:
    """Whether the process of a run is known not to exist any more."""
    if run.pid is None or run.host is None or " " not in run.host or run.host != this_host():
        return False
    try:
        os.kill(run.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # it exists, and belongs to somebody else
        return False
    return False
