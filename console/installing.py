"""What an installation needs beyond Python packages: the sandbox's parts, a migrated database."""

from console.prefect_server import template
from sandbox.daemon import install


def main() -> None:
    """Make both, unless they are there."""
    install()
    template()


if __name__ == "__main__":
    main()
