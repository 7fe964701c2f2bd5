"""How every script starts and ends: flags, one clear line for a user's error, exit codes."""

import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial

import jax
from absl import app, flags, logging

from experiments import recipes
from gan_jax.train import Stopped
from gan_jax.types import UserError

_TRACEBACK = flags.DEFINE_bool("traceback", False, "Show the traceback of an error.")
flags.disclaim_key_flags()


def run(
    main: Callable[..., None], *, default_config: str | None = None, positional: bool = False
) -> None:
    """Parses flags, calls `main` and exits: 0, 1 on an error, 128 + N when stopped by signal N.

    `main` is given the arguments that are no flags, if there may be such (`positional`).
    `default_config` is the recipe where the command line names none, wherever it is called from. It
    cannot be the flag's own default: that would be loaded, and the settings of another recipe held
    against it.
    """
    logging.set_verbosity(logging.WARNING)
    flags.declare_key_flag("traceback")  # of the script, for its `--help`
    if default_config and not any(re.match("--?config(=|$)", a) for a in sys.argv):
        sys.argv.insert(1, f"--config={default_config}")
    # --init.PLAYER=RUN, where the players are known only once the recipe is read
    sys.argv = [re.sub(r"^--?init\.(\w+)=", r"--init=\1=", a) for a in sys.argv]
    app.run(
        lambda argv: _guarded(partial(main, argv[1:]) if positional else main),
        flags_parser=partial(_parse, positional=positional),
    )


def _guarded(main: Callable[[], None]) -> None:
    try:
        main()
    except Stopped as stop:
        print(f"{stop}; the same command continues the run", file=sys.stderr)
        _exit(128 + stop.signum)
    except KeyboardInterrupt:
        _exit(128 + signal.SIGINT)
    except UserError as error:
        _fail(error)
    except jax.errors.JaxRuntimeError as error:
        why = str(error).splitlines()[0]
        if why.startswith("RESOURCE_EXHAUSTED"):
            said = f"out of memory ({why}): lower batch_size, or raise accumulate"
        elif jax.distributed.is_initialized():
            said = f"lost another process of this run ({why}); start all again to go on"
        else:
            raise
        _fail(UserError(said).with_traceback(error.__traceback__))
    except Exception:
        if not jax.distributed.is_initialized():
            raise
        traceback.print_exc()
        _exit(1)


def _parse(argv: Sequence[str], *, positional: bool) -> list[str]:
    for name, variant in re.findall(r"^--?config=([^:\n]*):?(.*)", "\n".join(argv), re.M):
        try:  # what this says of a fault is clearer than what the flag says
            recipes.check_variant(recipes.load_recipe(name), variant)
        except UserError as error:
            _fail(error)
    try:
        rest = flags.FLAGS(argv)
    # A config file is run while flags are parsed, and each fault of a setting has its own type.
    except Exception as error:
        _fail(error)
    if len(rest) > 1 and not positional:
        _fail(UserError(f"what is {rest[1]!r}? Settings are --config.KEY=VALUE; see --help"))
    return rest


def _fail(error: Exception) -> None:
    if "--traceback" in sys.argv:
        traceback.print_exception(error)
    cause: object = error
    while isinstance(cause, AttributeError | KeyError) and cause.args:
        cause = cause.args[0]  # ml_collections wraps one in the other, quotes and all
    text = re.sub(r"\n(?=Did you mean)", "; ", str(cause))
    text = re.sub(r"^'\w+'(?=;|$)", r"the config has no \g<0>", text)
    print(f"error: {text}", file=sys.stderr)
    _exit(1)


def _exit(code: int) -> None:
    """Ends this process, of several without waiting for the others, who may not know yet."""
    if jax.distributed.is_initialized():
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)
