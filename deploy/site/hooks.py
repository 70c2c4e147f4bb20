"""What the site has beside docs/: the changelog, a list of the decisions, links that stay inside."""  # noqa: INP001  # loaded by its path

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
PAGES = {"../CHANGELOG.md": "changelog.md", "../README.md": "index.md"}
"""Files outside of docs/ that the site has as pages; other links that leave docs/ become plain text."""

FOR_EVERYBODY = ("asking.md", "conversations.md", "commands.md", "privacy.md")
"""Pages that a search shows before others, whose many words would push them away."""

_OUTSIDE = re.compile(r"(?<!!)\[([^\]]+)\]\(((?:\.\./)+[^)#\s]+)(#[^)\s]*)?\)")
_TITLE = re.compile(r"# (\d{4})\. (.+)")


def on_files(files: Files, config: Any, **_: object) -> Files:  # noqa: ANN401  # as MkDocs calls it
    """Add the pages that are made from other files."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    inside = re.sub(r"\]\(docs/", "](", changelog)
    files.append(File.generated(config, "changelog.md", content=inside))
    files.append(File.generated(config, "decisions/index.md", content=_decisions()))
    for asset in sorted((ROOT / "deploy/site/assets").iterdir()):
        files.append(File.generated(config, f"assets/{asset.name}", content=asset.read_bytes()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:  # noqa: ANN401  # as MkDocs calls it
    """Point links that leave docs/ to the site's own pages, or make them plain text; say which pages a search
    shows first."""
    folder = Path(page.file.src_uri).parent
    if page.file.src_uri in FOR_EVERYBODY:
        page.meta["search"] = {"boost": 4}

    def within(match: re.Match[str]) -> str:
        text, target, anchor = match[1], match[2], match[3] or ""
        depth = len(folder.parts)
        ups = target.count("../")
        if ups <= depth:  # from docs/decisions/ to docs/
            return match[0]
        known = PAGES.get(f"../{target.replace('../', '')}")
        return f"[{text}]({'../' * depth}{known}{anchor})" if known else text

    return _OUTSIDE.sub(within, markdown)


def _decisions() -> str:
    lines = ["# Decisions", "", "What was chosen, what was refused, and why.", ""]
    for path in sorted((ROOT / "docs/decisions").glob("*.md")):
        found = _TITLE.match(path.read_text(encoding="utf-8"))
        if found:
            lines.append(f"- [{found[1]}: {found[2]}]({path.name})")
    return "\n".join(lines) + "\n"
