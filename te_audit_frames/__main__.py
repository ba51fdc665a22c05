"""``python -m te_audit_frames`` is the command ``te-audit-frames``."""

from te_audit_frames.cli import main

if __name__ == "__main__":
    main()
