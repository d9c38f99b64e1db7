"""Archives: what is in them is looked at, and one with a secret in it is not kept."""

from __future__ import annotations

import base64
import bz2
import io
import lzma
import zipfile

import pytest

from replaykit.errors import SanitizeError
from replaykit.sanitizer import compressed
from tests.sanitizer.secrets import TOKENS, sanitizer

SECRET = f"<w:t>the key is {TOKENS['github_token']}</w:t>".encode()
HARMLESS = b"<w:t>It rains in Oslo.</w:t>"


def zipped(data: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", data)
    return made.getvalue()


PACKINGS = {"zip": zipped, "zip in zip": lambda data: zipped(zipped(data)), "bz2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("kind", PACKINGS)
def test_an_archive_with_a_secret_is_not_kept(kind: str) -> None:
    with pytest.raises(SanitizeError, match="a secret in an archive"):
        sanitizer().body(PACKINGS[kind](SECRET), "application/octet-stream")
    with pytest.raises(SanitizeError, match="a secret in an archive"):
        sanitizer().text(f"the file: {base64.b64encode(PACKINGS[kind](SECRET)).decode()}")


@pytest.mark.parametrize("kind", PACKINGS)
def test_another_archive_stays_as_it_is(kind: str) -> None:
    data = PACKINGS[kind](HARMLESS)

    assert sanitizer().body(data, "application/octet-stream") == data


def test_what_can_not_be_looked_into_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SanitizeError, match="can't be unpacked"):
        sanitizer().body(zipped(HARMLESS)[:60], "application/zip")
    monkeypatch.setattr(compressed, "MAX_INNER_BYTES", 1 << 20)
    with pytest.raises(SanitizeError, match="over 1 MB"):
        sanitizer().body(zipped(b"a" * (2 << 20)), "application/zip")
    assert sanitizer().body(b"BZh is how it begins", "text/plain") == b"BZh is how it begins"
