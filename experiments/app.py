"""How every script starts and ends: flags, one clear line for a user's error, exit codes."""

import re
import signal
import sys
import traceback
from collections.abc import Callable, Sequence

from absl import app, flags, logging

from gan_jax.train import Stopped
from gan_jax.types import UserError

_TRACEBACK = flags.DEFINE_bool("traceback", False, "Show the traceback of an error.")


def run(main: Callable[[], None]) -> None:
    """Parses flags, calls `main` and exits: 0, 1 on an error, 128 + N when stopped by signal N."""
    logging.set_verbosity(logging.WARNING)
    app.run(lambda _: _guarded(main), flags_parser=_parse)


def _guarded(main: Callable[[], None]) -> None:
    try:
        main()
    except Stopped as stop:
        print(f"{stop}; the same command continues the run", file=sys.stderr)
        sys.exit(128 + stop.signum)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except UserError as error:
        _fail(error)


def _parse(argv: Sequence[str]) -> list[str]:
    try:
        rest = flags.FLAGS(argv)
    # A config file is run while flags are parsed, and each fault of a setting has its own type.
    except (flags.Error, AttributeError, KeyError, TypeError, ValueError, OSError) as error:
        _fail(error)
    if len(rest) > 1:
        _fail(UserError(f"what is {rest[1]!r}? Settings are --config.KEY=VALUE; see --help"))
    return rest


def _fail(error: Exception) -> None:
    if "--traceback" in sys.argv:
        traceback.print_exception(error)
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    print(f"error: {re.sub(r'^FATAL Flags parsing error: ', '', text)}", file=sys.stderr)
    sys.exit(1)
