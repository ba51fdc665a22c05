"""A practice ThousandEyes: a seeded organisation, and a loopback server that answers like the published API."""

from te_audit_frames.sandbox.api import Request
from te_audit_frames.sandbox.incidents import Incident
from te_audit_frames.sandbox.organisation import Absence, Organisation
from te_audit_frames.sandbox.server import Sandbox

__all__ = ["Absence", "Incident", "Organisation", "Request", "Sandbox"]
