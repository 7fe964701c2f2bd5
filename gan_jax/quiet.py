"""The one way to keep a chatty library from the console."""

import contextlib
import io
import logging
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
