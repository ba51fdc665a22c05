"""The command line ``te-audit-frames``: options -> the package's public functions -> an exit code."""

from te_audit_frames.cli.commands import main

__all__ = ["main"]
