"""The sandbox's process: both clouds, seeded, until it is told to end.

Run as ``python -m sandbox.daemon FOLDER``; writes ``FOLDER/state.json`` when
everything answers, and keeps that file readable by its owner only.
"""

import json
import os
import secrets
import signal
import sys
import threading
import uuid
from pathlib import Path
from typing import Any

from sandbox.aws.server import AwsServer
from sandbox.azure.azurite import ensure_azurite
from sandbox.azure.server import AzureServer
from sandbox.demo import seed_demo_machine, write_demo_answers

REGION = "eu-west-1"
LOCATION = "westeurope"
GROUP = "coldferry-sandbox"


def azurite_folder() -> Path:
    """Where Azurite is installed: with this Python environment, unless told otherwise."""
    named = os.environ.get("COLDFERRY_AZURITE_DIR")
    return Path(named) if named else Path(sys.prefix) / "share" / "coldferry" / "azurite"


def install() -> None:
    """Install what the sandbox needs beyond Python packages, unless it is there."""
    ensure_azurite(azurite_folder())


def main(folder: Path) -> None:
    """Serve until SIGTERM or SIGINT."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    install()
    key_id, secret, token = (
        f"AKIA{secrets.token_hex(8).upper()}",
        *map(secrets.token_urlsafe, (30, 30)),
    )
    subscription = str(uuid.uuid4())
    aws = AwsServer(access_key_id=key_id, secret_access_key=secret)
    azure = AzureServer(
        state_dir=folder / "azure",
        subscription_id=subscription,
        resource_group=GROUP,
        location=LOCATION,
        token=token,
        azurite_cache=azurite_folder(),
    )
    starting = threading.Thread(target=azure.start)
    starting.start()
    aws.start()
    machine = seed_demo_machine(aws.endpoint_url, key_id, secret, REGION)
    starting.join()
    azure.seed_defaults()
    state: dict[str, Any] = {
        "aws": {
            "block": "coldferry-cloud/sandbox-aws",
            "endpoint_url": aws.endpoint_url,
            "region": REGION,
            "access_key_id": key_id,
            "secret_access_key": secret,
        },
        "azure": {
            "block": "coldferry-cloud/sandbox-azure",
            "endpoint": azure.endpoint,
            "token": token,
            "ca_bundle": str(azure.ca_bundle),
            "subscription_id": subscription,
            "resource_group": GROUP,
            "location": LOCATION,
        },
        "machines": [machine],
    }
    write_demo_answers(folder / "answers.yaml")
    part = folder / "state.part"
    part.touch(mode=0o600)
    part.write_text(json.dumps({"pid": os.getpid(), "sandbox": state}))
    part.rename(folder / "state.json")
    ended.wait()
    azure.stop()
    aws.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
