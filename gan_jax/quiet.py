"""The one way to keep a chatty library from the console."""

import contextlib
import io
import logging
import os
import sys
from collections.abc import Iterator

from absl import logging as absl_logging


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silences, while it lasts, what TFDS and orbax say: absl's log, standard output and error.

    What is raised is raised all the same, and the log's level is given back.
    """
    logger = absl_logging.get_absl_logger()
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)


def divert_native_errors(descriptor: int) -> None:
    """From now on what is no Python, such as XLA's runtime, has another standard error.

    It goes to the file or pipe open as `descriptor`, which is closed.
    """
    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    absl_logging.get_absl_handler().python_handler.setStream(sys.stderr)
    os.dup2(descriptor, 2)
    os.close(descriptor)
