"""What is written is true of the code: links, names of tests, help texts, schema, dependencies."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from coldferry import errors
from coldferry.guest.evidence import CODES
from coldferry.guest.preparing import linux, windows
from coldferry.leaves import schema_patterns
from docs import generate, translation_page

ROOT = Path(__file__).resolve().parents[2]
_CODE_AT = {"Finding": 1, "_refuse": 0, "refusal": 0, "_over": 0}
"""Where a call that makes a finding has its code."""
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deployments").glob("*.md")]
)


MOST_BYTES = 200_000
"""Of a picture: whoever clones this carries all that were ever committed."""


def text(name: str) -> str:
    return (ROOT / name).read_text()


def without_code(page: Path) -> str:
    return re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """A heading's anchor, as GitHub makes it."""
    titles = re.findall(r"^#+ (.+)$", without_code(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_repository_leads_somewhere(page):
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page)):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        there = (page.parent / file).resolve() if file else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(link)

    assert broken == []


def test_every_picture_is_shown_somewhere_and_small():
    shown = {
        name for page in PAGES for name in re.findall(r"images/([\w-]+\.png)", page.read_text())
    }
    pictures = {path.name: path.stat().st_size for path in (ROOT / "docs" / "images").glob("*.png")}

    assert shown == pictures.keys()
    assert {name: size for name, size in pictures.items() if size > MOST_BYTES} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_is_named_is_there(page):
    rooms = "coldferry|providers|tasks|flows|console|sandbox|tests|deployments|docs|benchmarks"
    named = re.findall(rf"`((?:{rooms})/[\w./*-]*)`", page.read_text())

    told = [name for name in named if "NAME" not in name]
    assert [name for name in told if not list(ROOT.glob(name.rstrip("/")))] == []


def test_every_fault_that_preflight_knows_is_explained_and_no_other():
    parts = [ROOT / "providers" / part for part in
             ("aws/preflight.py", "aws/preflight_target.py", "aws/unmovable.py",
              "azure/preflight.py", "azure/unmovable.py", "azure/preflight_source.py",
              "libvirt/preflight.py", "libvirt/live.py", "libvirt/unmovable.py",
              "libvirt/preflight_source.py", "ovf/writing/preflight.py")]  # fmt: skip
    known = set()
    for part in parts:
        for call in ast.walk(ast.parse(part.read_text())):
            name = getattr(getattr(call, "func", None), "id", "")
            if name in _CODE_AT:
                code = call.args[_CODE_AT[name]]
                known |= {code.value} if isinstance(code, ast.Constant) else set()

    told = set(re.findall(r"^\| (`[^|]+) \|", text("docs/preflight.md"), re.MULTILINE))
    assert {code for row in told for code in re.findall(r"`([a-z-]+)`", row)} == known


def test_every_test_that_the_readme_names_is_there():
    named = set(re.findall(r"`(test_\w+)`", text("README.md")))
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))

    assert len(named) > 15
    assert [name for name in sorted(named) if f"def {name}(" not in sources] == []


def test_the_readme_s_help_is_what_the_commands_say():
    readme = text("README.md")

    assert generate.with_help(readme) == readme, "run 'make docs'"


def test_the_published_schema_is_the_description_s():
    assert generate.SCHEMA.read_text() == generate.schema_text(), "run 'make docs'"


def test_the_published_schema_of_waves_is_the_wave_s():
    assert generate.WAVE_SCHEMA.read_text() == generate.wave_schema_text(), "run 'make docs'"


def test_the_page_on_translation_is_the_rules_own():
    assert generate.TRANSLATION.read_text() == translation_page.page(), "run 'make docs'"


def test_the_page_on_translation_has_a_row_for_every_field_and_target():
    page = generate.TRANSLATION.read_text()
    rows = re.findall(r"^\| `([^`]+)` \| `[a-z]", page, re.MULTILINE)

    assert rows == schema_patterns() * len(translation_page.TARGETS)


def test_every_exit_code_is_explained_in_the_readme():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {kind.exit_code for kind in kinds if issubclass(kind, errors.ColdferryError)}
    section = text("README.md").partition("| exit code |")[2].partition("## ")[0]

    assert {int(code) for code in re.findall(r"^\| (\d) \|", section, re.MULTILINE)} == codes | {0}


def findings_page() -> dict[str, list[str]]:
    """The other cells of each row, by the finding's code."""
    section = text("docs/inspection.md").partition("\n## Findings\n")[2]
    rows = re.findall(r"^\| `([a-z-]+)` \|(.+)\|$", section, re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a code is explained twice"
    return {code: [cell.strip() for cell in rest.split(" | ")] for code, rest in rows}


def test_every_finding_of_an_inspection_is_explained_and_no_other():
    assert findings_page().keys() == CODES
    assert [code for code, cells in findings_page().items() if not all(cells)] == []


def test_what_is_said_to_be_mended_is_what_the_scripts_mend():
    mended = {code for code, cells in findings_page().items() if cells[-1] == "yes"}

    assert mended == linux.REMEDIES.keys() | windows.REMEDIES.keys()


def test_every_dependency_has_its_reason():
    project = tomllib.loads(text("pyproject.toml"))
    extras = project["project"]["optional-dependencies"]
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    asked += [name for group in extras.values() for name in group]
    names = {re.split(r"[<>=!\[]", requirement)[0] for requirement in asked}
    reasons = text("docs/hacking.md").partition("## Dependencies")[2].partition("\n## ")[0]

    assert set(re.findall(r"`([a-z0-9-]+)`", reasons)) >= names


def test_the_pool_has_one_name_everywhere():
    pools = {
        row["work_pool"]["name"] for row in yaml.safe_load(text("prefect.yaml"))["deployments"]
    }
    starts = [
        text(f"deployments/{name}")
        for name in ("Dockerfile", "compose.yaml", "coldferry-worker.service", "README.md")
    ]

    assert pools == {"coldferry"}
    assert all(re.search(r"(pool\W+|create )coldferry\b", start) for start in starts)


def test_compose_asks_for_its_secrets_and_opens_no_port_to_others():
    services = yaml.safe_load(text("deployments/compose.yaml"))["services"]

    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:4200:4200"]
    assert "${COLDFERRY_LOGIN:?" in services["worker"]["environment"]["PREFECT_API_AUTH_STRING"]
    assert "${POSTGRES_PASSWORD:?" in services["database"]["environment"]["POSTGRES_PASSWORD"]


def test_the_image_holds_every_room():
    rooms = tomllib.loads(text("pyproject.toml"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    copied = set(re.findall(r"^COPY (\w+) \w+$", text("deployments/Dockerfile"), re.MULTILINE))

    assert copied == set(rooms["packages"])


def test_a_commit_s_checks_come_from_this_repository():
    hooks = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]

    assert {repo["repo"] for repo in hooks} == {"local"}


def test_no_page_speaks_of_how_it_was_made():
    words = r"\bissue #?\d|\bwork in progress\b|(?<!/)\bsession\b(?! token)|/tmp/"
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    pages = {*PAGES, *(ROOT / name for name in listed)}

    told = [page.name for page in pages if re.search(words, page.read_text(), re.IGNORECASE)]
    assert told == []
