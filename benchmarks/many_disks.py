"""Sixteen disks at once in one process, as a migration of a large machine has them.

``BENCH_TARGET=URL python many_disks.py FILE COUNT`` copies FILE to COUNT page
blobs, each URL's blob with a number behind its name. Both SDKs are loaded, as
they are where a migration runs. State goes to ``$COLDFERRY_HOME``.
"""

import os
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit


def main(path: Path, count: int) -> None:
    """Copy in a thread a disk; raises SystemExit with the first error."""
    errors: list[BaseException] = []

    def copy(number: int) -> None:
        try:
            copy_one(path, number)
        except BaseException as error:  # noqa: BLE001 - it ends the process, below
            errors.append(error)

    threads = [threading.Thread(target=copy, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise SystemExit(f"{type(errors[0]).__name__}: {errors[0]}")


def copy_one(path: Path, number: int) -> None:
    """Through the doors that ``coldferry copy`` uses, without its state."""
    import azure.storage.blob  # noqa: F401
    import boto3  # noqa: F401

    from coldferry import copying, endpoints, manifest
    from providers import endpoints as opening

    parts = urlsplit(os.environ["BENCH_TARGET"])
    url = urlunsplit(parts._replace(path=f"{parts.path}-{number}"))
    source = endpoints.parse_source(str(path))
    target = endpoints.parse_target("env:TARGET", {"TARGET": url})
    attempt = endpoints.Attempt(f"{number:016x}")
    home = Path(os.environ["COLDFERRY_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    with opening.open_source(source) as origin:
        reader = origin.reader
        with opening.open_target(target, reader.size_bytes, attempt, fresh=True) as made:
            about = manifest.Copy(origin.identity, made.writer.identity, reader.size_bytes)
            with manifest.Manifest(home / f"manifest-{number}", about) as kept:
                copying.copy_disk(reader, made.writer, kept, device=f"disk{number}")
            made.writer.commit()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
