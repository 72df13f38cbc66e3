"""What is no step of the engine: long texts, details, vectors, classes, fills and scores."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from seq2seq.serving.errors import queue_is_full, too_late

LONG = 2**13  # characters or ids; larger work has a thread of its own, and short work never waits
MAX_TOGETHER = 2**14  # tokens that are read together, padding counted: they take memory


async def compute(size: int, function, *arguments):
    """Returns what a function returns; large work has a thread, while others are served.

    Args:
        size: About how many characters, ids or numbers it is of.
        function: The function.
        *arguments: Its arguments.
    """
    if size > LONG:
        return await asyncio.to_thread(function, *arguments)
    return function(*arguments)


class SideWork:
    """Does work for requests in two threads, the one for long work.

    Args:
        max_queue: Maximum number of texts that wait.
        timeout: Seconds until an answer must be there.
    """

    def __init__(self, max_queue: int, timeout: float):
        self.max_queue = max_queue
        self.timeout = timeout
        self._threads = {long: ThreadPoolExecutor(1) for long in (False, True)}
        self._texts = 0

    async def run(self, inputs, function, *arguments):
        """Returns what a function returns, called in a thread.

        Args:
            inputs: The texts or rows of ids that it reads, by which the work is measured.
            function: The function.
            *arguments: Its arguments.

        Raises:
            ApiError: If there is no room, or no time left.
        """
        if self._texts + len(inputs) > self.max_queue:
            raise queue_is_full()
        loop, threads = asyncio.get_running_loop(), self._threads[is_long(inputs)]
        self._texts += len(inputs)
        try:
            async with asyncio.timeout(self.timeout):
                return await loop.run_in_executor(threads, function, *arguments)
        except TimeoutError:
            raise too_late(self.timeout) from None
        finally:
            self._texts -= len(inputs)

    def close(self) -> None:
        """Finishes what runs, and drops what nobody waits for any more."""
        for threads in self._threads.values():
            threads.shutdown(cancel_futures=True)


def is_long(inputs) -> bool:
    """Tells whether texts or rows of ids are so long that others would wait for them."""
    return sum(map(len, inputs)) > LONG


def batch_size(rows) -> int:
    """Returns how many texts or rows are read together, so that the longest ones fit."""
    return max(1, min(64, MAX_TOGETHER // max(1, *map(len, rows))))
