"""The recorded agent of the command line's tests."""

from tests.cli.conftest import recorded, shop

__all__ = ["recorded", "shop"]
