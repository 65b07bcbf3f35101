"""Without TLS nobody reads a bundle of authorities for each task."""

import os
import ssl
from pathlib import Path

import pytest

from console.authorities import SETTING, one_authority, spare_authorities


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    """Nothing is set at first, and nothing stays."""
    monkeypatch.setenv(SETTING, "")
    del os.environ[SETTING]


def test_for_an_api_without_tls_clients_read_one_authority_and_still_check_it():
    spare_authorities("http://127.0.0.1:4200/api")
    context = ssl.create_default_context(cafile=os.environ[SETTING])

    assert context.cert_store_stats()["x509_ca"] == 1
    assert context.verify_mode == ssl.CERT_REQUIRED


def test_for_one_with_tls_prefects_own_choice_stays():
    spare_authorities("https://prefect.example.com/api")

    assert SETTING not in os.environ


def test_what_somebody_set_stays_if_it_is_there(tmp_path):
    own = tmp_path / "our-own.pem"
    own.write_text("a bundle")
    os.environ[SETTING] = str(own)
    spare_authorities("http://127.0.0.1:4200/api")
    assert os.environ[SETTING] == str(own)

    own.unlink()  # no client could be made with it
    spare_authorities("http://127.0.0.1:4200/api")
    assert os.environ[SETTING] == one_authority()


def test_it_is_made_once_for_its_owner_only():
    path = Path(one_authority())
    before = path.stat()

    assert one_authority() == str(path)
    assert path.stat().st_ino == before.st_ino
    assert before.st_mode & 0o077 == 0


def test_a_home_that_cannot_be_written_harms_nothing(tmp_path, monkeypatch):
    (tmp_path / "prefect").write_text("a file where the folder should be")
    monkeypatch.setenv("COLDFERRY_HOME", str(tmp_path))
    spare_authorities("http://127.0.0.1:4200/api")

    assert SETTING not in os.environ
