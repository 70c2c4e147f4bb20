"""Languages of code: the names after a fence, and the extensions of files."""

import re

_LANGUAGE = re.compile(r"[A-Za-z0-9_+.#-]{1,20}\Z")


def language(info: str) -> str:
    """The language of a fence if Discord could highlight it, else an empty string."""
    word = info.strip().strip("{}").lstrip(".").split(" ")[0].split(":")[0].split(",")[0].lower()
    return word if _LANGUAGE.match(word) else ""


_NAMES = {
    ".py": ("python", "py", "python3"),
    ".js": ("javascript", "js"),
    ".jsx": ("jsx",),
    ".ts": ("typescript", "ts"),
    ".tsx": ("tsx",),
    ".java": ("java",),
    ".c": ("c",),
    ".h": ("h",),
    ".cpp": ("cpp", "c++", "cc"),
    ".hpp": ("hpp",),
    ".cs": ("csharp", "cs", "c#"),
    ".go": ("go", "golang"),
    ".rs": ("rust", "rs"),
    ".rb": ("ruby", "rb"),
    ".php": ("php",),
    ".swift": ("swift",),
    ".kt": ("kotlin", "kt"),
    ".scala": ("scala",),
    ".r": ("r",),
    ".jl": ("julia",),
    ".lua": ("lua",),
    ".pl": ("perl",),
    ".hs": ("haskell", "hs"),
    ".ex": ("elixir",),
    ".erl": ("erlang",),
    ".clj": ("clojure",),
    ".dart": ("dart",),
    ".zig": ("zig",),
    ".nim": ("nim",),
    ".ml": ("ocaml",),
    ".fs": ("fsharp",),
    ".sh": ("bash", "sh", "shell", "zsh", "console"),
    ".ps1": ("powershell", "ps1"),
    ".bat": ("bat", "cmd"),
    ".fish": ("fish",),
    ".sql": ("sql",),
    ".html": ("html",),
    ".xml": ("xml",),
    ".svg": ("svg",),
    ".css": ("css",),
    ".scss": ("scss",),
    ".less": ("less",),
    ".json": ("json", "jsonc"),
    ".yaml": ("yaml", "yml"),
    ".toml": ("toml",),
    ".ini": ("ini", "cfg"),
    ".csv": ("csv",),
    ".diff": ("diff", "patch"),
    ".dockerfile": ("dockerfile",),
    ".mk": ("makefile",),
    ".cmake": ("cmake",),
    ".tex": ("tex", "latex"),
    ".md": ("markdown", "md"),
    ".vue": ("vue",),
    ".svelte": ("svelte",),
    ".proto": ("proto",),
    ".graphql": ("graphql",),
    ".tf": ("terraform", "hcl"),
    ".nix": ("nix",),
    ".vim": ("vim",),
    ".asm": ("asm",),
    ".m": ("objc", "matlab"),
    ".groovy": ("groovy",),
}
_EXTENSIONS = {name: extension for extension, names in _NAMES.items() for name in names}


_WITHOUT_EXTENSION = frozenset(
    ("text", "txt", "plaintext", "output", "ansi", "http", "log", "mermaid", "mdx", "pycon")
)


def is_language(name: str) -> bool:
    """Whether this is the name of a language that models write after a fence."""
    return name in _EXTENSIONS or name in _WITHOUT_EXTENSION


def extension(name: str) -> str:
    """The file extension of a language; `.txt` when it is not known."""
    return _EXTENSIONS.get(name, ".txt")
