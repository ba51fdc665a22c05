"""What every test stands on."""

import signal

# Started in the background of a shell, a process ignores Ctrl-C, and hands that on to its children; tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)
