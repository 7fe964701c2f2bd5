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


@contextlib.contextmanager
def native_errors_diverted(descriptor: int) -> Iterator[None]:
    """While it lasts, what is no Python, such as XLA's runtime, has another standard error.

    It goes to the file or pipe open as `descriptor`, which is closed.
    """
    sys.stderr.flush()
    before, handler = sys.stderr, absl_logging.get_absl_handler().python_handler
    with os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace") as own:
        os.dup2(descriptor, 2)
        os.close(descriptor)
        sys.stderr = own
        handler.setStream(own)
        try:
            yield
        finally:
            os.dup2(own.fileno(), 2)
            sys.stderr = before
            handler.setStream(before)
