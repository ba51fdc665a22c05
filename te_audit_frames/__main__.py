"""The command ``te-audit-frames``, run as ``python -m te_audit_frames``."""

from te_audit_frames.cli import main

if __name__ == "__main__":
    main()
