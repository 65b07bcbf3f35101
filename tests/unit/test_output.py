"""What a command says when it ends badly: one document, one report, and no secret in either."""

import json

import pytest
from pydantic import BaseModel, ValidationError

from coldferry.errors import Finding, PreflightFailed
from coldferry.home import home
from console.output import command, fail, redact

CANARY = "CANARYpasted0token"


class Settings(BaseModel):
    place: int


def _ended(defect, capsys):
    """A command that meets ``defect``: its exit code, its JSON and the report that it names."""

    @command
    def run(*, json):
        raise defect

    code = run(json=True)
    document = json.loads(capsys.readouterr().out)
    (report,) = (p for p in (home() / "defects").iterdir() if str(p) in document["error"]["do"])
    return code, document, report.read_text()


def test_a_report_of_a_defect_does_not_hold_the_value_that_a_model_refused(capsys):
    with pytest.raises(ValidationError, match=CANARY) as caught:
        Settings.model_validate({"place": CANARY})
    code, document, report = _ended(caught.value, capsys)

    assert code == 1
    assert CANARY not in f"{document}{report}"
    assert "place" in report


@pytest.mark.parametrize("as_json", [True, False])
def test_a_sentence_that_quotes_a_stranger_is_one_line_of_visible_characters(capsys, as_json):
    hostile = "web\u202egnp.exe\x1b[31m\nall is well"
    found = Finding("refuse", "name", hostile, f"{hostile} is taken.", f"Rename {hostile}.")
    code = fail(PreflightFailed.because([found]), as_json=as_json)
    out, aside = capsys.readouterr()
    said = json.dumps(json.loads(out), ensure_ascii=False) if as_json else out + aside

    assert code == 4
    assert "all is well is taken." in said
    assert not {"\u202e", "\x1b"} & set(said)
    assert "\\n" not in said
    assert as_json or aside.count("\n") == 2


@pytest.mark.parametrize(
    "written",
    [
        "secret_access_key={0}",
        "aws_secret_access_key = {0}",
        "{{'secret_access_key': '{0}'}}",
        '{{"SecretAccessKey": "{0}"}}',
        "client_secret='{0}'",
        "{{'token': '{0} and more'}}",
        "session-token: {0}",
        "AccountKey={0};EndpointSuffix=core.windows.net",
        "https://host/disk?sp=rw&sig={0}&se=2030",
        "Authorization: Bearer {0}",
        "{{'Authorization': 'Bearer {0}'}}",
        "got a Bearer {0}, no good",
        "X-Amz-Security-Token={0}",
        "PREFECT_API_AUTH_STRING=admin:{0}",
        "http://admin:{0}@10.0.0.1/api",
        "password={0}",
        "private_key: {0}",
    ],
)
def test_what_looks_like_a_secret_is_not_written(written):
    assert CANARY not in redact(written.format(CANARY))


def test_what_a_report_is_read_for_stays():
    line = "  File \"console/blocks.py\", line 44, in load\nKeyError: 'devices[0].kind'"

    assert redact(line) == line
