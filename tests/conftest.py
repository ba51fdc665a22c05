"""What every test stands on."""

import os
import signal

from hypothesis import settings

# Started in the background of a shell, a process ignores Ctrl-C, and hands that on to its children; tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The whole check has to say the same twice; new examples are looked for everywhere else.
settings.register_profile("check", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("check")
