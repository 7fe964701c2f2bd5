import logging
import sys

import pytest
from absl import logging as absl_logging

from gan_jax.quiet import quiet


def test_nothing_is_said_within_and_everything_after(capsys, caplog):
    def speak(word):
        print(word)
        print(word, file=sys.stderr)
        absl_logging.error(word)

    with caplog.at_level(logging.INFO, logger="absl"):
        with quiet():
            speak("within")
        speak("after")
    captured = capsys.readouterr()
    assert captured.out == "after\n"
    assert "within" not in captured.err
    assert caplog.messages == ["after"]


def test_an_error_passes_and_the_level_is_given_back():
    logger = absl_logging.get_absl_logger()
    before = logger.level
    with pytest.raises(KeyError), quiet():
        raise KeyError
    assert logger.level == before
