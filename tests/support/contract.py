"""The API's published contract, as JSON Schema: what an answer has to look like."""

import json
import sys
from pathlib import Path

CONTRACT = json.loads((Path(__file__).parents[1] / "contract.json").read_text(encoding="utf-8"))


def check(document, definition):
    # jsonschema imports this if it is there, which takes seconds; it knows a format that the contract does not have.
    sys.modules.setdefault("rfc3987_syntax", None)
    import jsonschema  # here, because all workers collect the tests and few run one that checks

    schema = {"$ref": f"#/$defs/{definition}", "$defs": CONTRACT["$defs"]}
    jsonschema.Draft202012Validator(schema).validate(document)
