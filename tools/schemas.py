"""The JSON Schemas of the files that people write, from the definitions that read those files."""

import json
import sys
from pathlib import Path

from portwright.catalog.schema import json_schema as catalog_schema
from portwright.site.schema import json_schema as site_schema

FOLDER = Path(__file__).parent.parent / "src" / "portwright" / "schemas"
SCHEMAS = {"site-1.json": site_schema, "catalog-1.json": catalog_schema}


def written(name: str) -> str:
    """The text that the schema file must have."""
    return json.dumps(SCHEMAS[name](), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: schemas.py --write")
    for name in SCHEMAS:
        (FOLDER / name).write_text(written(name), encoding="utf-8")
