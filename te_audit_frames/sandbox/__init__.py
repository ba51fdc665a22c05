"""A practice ThousandEyes: a seeded organisation, and a loopback server that answers like the published API."""

from te_audit_frames.sandbox.api import Request
from te_audit_frames.sandbox.organisation import Organisation
from te_audit_frames.sandbox.server import Sandbox

__all__ = ["Organisation", "Request", "Sandbox"]
