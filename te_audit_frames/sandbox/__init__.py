"""A practice ThousandEyes: a seeded organisation, and a server on loopback that speaks the published API for it."""

from te_audit_frames.sandbox.organisation import Organisation
from te_audit_frames.sandbox.server import Request, Sandbox

__all__ = ["Organisation", "Request", "Sandbox"]
