"""Complete, typed pandas frames of the ThousandEyes activity log."""

from te_audit_frames.client.client import Client, fetch_events
from te_audit_frames.client.saved import read_pages
from te_audit_frames.errors import *  # noqa
from te_audit_frames.receipt import Receipt, receipt
