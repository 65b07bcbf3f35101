"""A report as one file that needs nothing else: for a change ticket, or an archive."""

from html import escape

from markdown_it import MarkdownIt

from coldferry.home import folder, private

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; }
th, td { border: 1px solid #ccc; padding: .2rem .5rem; text-align: left; vertical-align: top; }
code { background: #f2f2f2; padding: 0 .2rem; overflow-wrap: anywhere; }
"""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The page runs nothing and fetches nothing, whatever a stranger's word became."""


def as_html(title: str, markdown: str) -> str:
    """A whole HTML page of Markdown that we made; markup inside it is shown, not used."""
    # The "commonmark" rules take HTML; "js-default" does not, and knows tables.
    reader = MarkdownIt("js-default", {"linkify": False, "html": False}).disable(["link", "image"])
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            f"<body>\n{reader.render(markdown)}</body>",
            "</html>",
            "",
        ]
    )


def save(migration: str, markdown: str) -> None:
    """Keep the page under the home, beside the report's JSON."""
    path = folder("reports") / f"{migration}.html"
    with open(path, "w", opener=private) as file:
        file.write(as_html(migration, markdown))
