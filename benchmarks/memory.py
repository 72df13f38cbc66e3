"""The memory that a process took at most.

No command of its own: see train.py, start.py and growth.py.
"""

import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_megabytes(usage: resource.struct_rusage | None = None) -> float:
    """Returns the peak of a process in megabytes.

    Args:
        usage: What `os.wait4` returned of it. Defaults to `None`: this process.
    """
    usage = usage or resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)  # macOS counts bytes


def own_peak_megabytes() -> float:
    """Returns the peak of this process, without that of the one that started it.

    Linux counts the memory of a process that starts another as the other's, but for the figure in
    its `status`.
    """
    if not STATUS.exists():
        return peak_megabytes()
    lines = STATUS.read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 2**10
