"""The JSON Schema of signature.yaml, made from the model: editors check and complete by it."""

import json

from vmtriage.models.signature import Signature


def schema_text() -> str:
    """The schema as it lies in signatures/schema.json."""
    schema = Signature.model_json_schema(mode="validation")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(head | schema, indent=1, ensure_ascii=False) + "\n"
