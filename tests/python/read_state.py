"""Reads the state of jobs from a table with Microsoft's client and prints it as JSON.

    python read_state.py --table http://127.0.0.1:10002/devstoreaccount1/kustocopy [--scope SCOPE]

The layout is that of docs/state.md; nothing here is shared with the program that wrote it. What
is not of that layout ends it with an error.
"""

import argparse
import json
import re
import sys
from typing import Iterator

from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.data.tables import TableClient

# Azurite's own account, published by Microsoft.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def decode(part: str) -> str:
    """One part of a key: `~` and two hex digits stand for a byte of its UTF-8 text."""
    return re.sub(rb"~([0-9a-f]{2})", lambda m: bytes.fromhex(m[1].decode()), part.encode()).decode()


def parts(key: str) -> list[str]:
    """The parts of a key."""
    return [decode(part) for part in key.split("!")]


def document(entity: dict) -> str:
    """The document's text, joined from its properties."""
    names = [f"Json{number:02}" for number in range(entity["Parts"])]
    known = {"PartitionKey", "RowKey", "Layout", "Program", "Parts", *names}
    surplus = sorted(name for name in entity if name not in known)
    if not names or surplus:
        raise ValueError(f"{len(names)} parts, and {surplus}")
    return "".join(entity[name] for name in names)


def described(entity: dict) -> dict:
    """An entity as it is printed."""
    scope, _, partition = entity["PartitionKey"].partition("!")
    layout = entity["Layout"]
    # 64-bit integers come as a pair of value and type.
    layout = getattr(layout, "value", layout)
    text = document(entity)
    return {
        "scope": decode(scope),
        # A partition whose name is too long has its hash in its place.
        "partition": [partition[1:]] if partition.startswith("!") else parts(partition),
        "hashed": partition.startswith("!"),
        "row": parts(entity["RowKey"]),
        "etag": entity.metadata["etag"] if hasattr(entity, "metadata") else None,
        "layout": layout,
        "program": entity["Program"],
        "document": json.loads(text),
    }


def read(client: TableClient, scope: str | None) -> Iterator[dict]:
    """The entities of one scope, or of all."""
    for entity in client.list_entities():
        one = described(entity)
        if scope in (None, one["scope"]):
            yield one


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--table", required=True, help="the table's address")
    arguments.add_argument("--account", default=ACCOUNT)
    arguments.add_argument("--key", default=KEY)
    arguments.add_argument("--sas", help="a shared access signature instead of the key")
    arguments.add_argument("--scope", help="only what belongs to this lake")
    given = arguments.parse_args()
    endpoint, _, table = given.table.rstrip("/").rpartition("/")
    credential = (
        AzureSasCredential(given.sas)
        if given.sas
        else AzureNamedKeyCredential(given.account, given.key)
    )
    with TableClient(endpoint, table, credential=credential) as client:
        entities = list(read(client, given.scope))
    json.dump(entities, sys.stdout, ensure_ascii=True, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
