"""The registry over REST, with a client that openapi-python-client makes of the published contract.

Usage: rest_generated.py BASE_URL OPERATOR_TOKEN CONTRACT OUT_FOLDER
Prints one line of JSON a step; any failure ends it.
"""

import datetime
import importlib
import json
import os
import pathlib
import subprocess
import sys

PACKAGE = "registry_v1"
HANDLE = "urn:pilox:agent:rest-{}"


def say(step, **found):
    print(json.dumps({"step": step, **found}), flush=True)


def generate(contract, out):
    """Warnings are failures: every operation must be one that the generator understands."""
    folder = pathlib.Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    tools = pathlib.Path(sys.executable).parent
    made = subprocess.run(
        [
            tools / "openapi-python-client",
            "generate",
            "--path", contract,
            "--output-path", folder / PACKAGE,
            "--meta", "none",
            "--overwrite",
        ],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{tools}:{os.environ.get('PATH', '')}"},
    )
    sys.path.insert(0, out)
    return made.stdout + made.stderr


def part(name):
    return importlib.import_module(f"{PACKAGE}.{name}")


def main():
    base, token, contract, out = sys.argv[1:]
    warnings = generate(contract, out)
    for tag in ("records", "cards", "peers", "changes", "member"):
        assert f"/v1/{tag}" not in warnings, warnings
    client = part("client")
    operator = client.AuthenticatedClient(base_url=base, token=token)
    anybody = client.Client(base_url=base)

    record = part("models").Record
    schema = part("models.record_schema").RecordSchema.PILOX_REGISTRY_RECORD_V1
    for at in range(3):
        document = record(
            schema=schema,
            handle=HANDLE.format(at),
            updated_at=datetime.datetime(2026, 3, 20, 12, tzinfo=datetime.timezone.utc),
            agent_card_url="https://a.example/card.json",
        )
        stored = part("api.records.publish_record").sync_detailed(client=operator, body=document)
        assert stored.status_code == 201, stored
    say("publish", etag=stored.parsed.etag)

    got = part("api.records.get_record").sync_detailed(HANDLE.format(0), client=anybody)
    assert got.status_code == 200 and got.parsed.handle == HANDLE.format(0), got
    assert got.headers["etag"].startswith('"sha256:'), got.headers
    same = part("api.records.get_record").sync_detailed(
        HANDLE.format(0), client=anybody, if_none_match=got.headers["etag"]
    )
    assert same.status_code == 304, same
    absent = part("api.records.get_record").sync_detailed("urn:absent:1", client=anybody)
    assert absent.status_code == 404 and absent.parsed.code == "not-found", absent
    say("read", revision=int(got.headers["ecumene-revision"]))

    listing, cursor, found = part("api.records.list_records"), None, []
    unset = part("types").UNSET
    while True:
        page = listing.sync(client=anybody, limit=2, cursor=cursor or unset)
        found += page.handles
        cursor = page.next_
        if not cursor:
            break
    assert {HANDLE.format(at) for at in range(3)} <= set(found), found
    say("list", found=len(found))

    refused = part("api.records.delete_record").sync_detailed(HANDLE.format(0), client=anybody)
    assert refused.status_code == 401 and refused.parsed.code == "unauthenticated", refused
    gone = part("api.records.delete_record").sync_detailed(HANDLE.format(0), client=operator)
    assert gone.status_code == 200 and gone.parsed.deleted == HANDLE.format(0), gone
    say("delete", deleted=gone.parsed.deleted)


if __name__ == "__main__":
    main()
