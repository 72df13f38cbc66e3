"""The memory that a process took at most.

No command of its own: see train.py, start.py and growth.py.
"""

import resource
import sys


def peak_megabytes(usage: resource.struct_rusage | None = None) -> float:
    """Returns the peak of a process in megabytes.

    Args:
        usage: What `os.wait4` returned of it. Defaults to `None`: this process.
    """
    usage = usage or resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)  # macOS counts bytes
