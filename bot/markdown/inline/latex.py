"""Formulas: simple LaTeX as readable Unicode; everything else is shown as code.

Discord draws no mathematics. A formula with a plain form (`\\alpha`, `x^2`, `\\frac{a}{b}`) is converted;
matrices, alignments and unknown commands are not, so no formula is shown wrongly.
"""

import re
import unicodedata


def _greek(letter: str) -> tuple[str, str]:
    """LaTeX's name of a Greek letter, and the letter. Unicode spells lambda without its b."""
    name = unicodedata.name(letter).split()[-1].replace("LAMDA", "LAMBDA")
    return (name.title() if letter.isupper() else name.lower()), letter


_GREEK = dict(_greek(chr(code)) for code in (*range(0x393, 0x3A2), *range(0x3A3, 0x3AA), *range(0x3B1, 0x3CA)))
_SYMBOLS = _GREEK | dict(
    pair.split("=", 1)
    for pair in [
        "varepsilon=ε",
        "vartheta=ϑ",
        "varphi=φ",
        "times=×",
        "cdot=·",
        "div=÷",
        "pm=±",
        "mp=∓",
        "ast=∗",
        "star=⋆",
        "circ=∘",
        "bullet=•",
        "oplus=⊕",
        "otimes=⊗",
        "le=≤",
        "leq=≤",
        "ge=≥",
        "geq=≥",
        "ne=≠",
        "neq=≠",
        "approx=≈",
        "equiv=≡",
        "sim=∼",
        "simeq=≃",
        "cong=≅",
        "propto=∝",
        "ll=≪",
        "gg=≫",
        "infty=∞",
        "partial=∂",
        "nabla=∇",
        "sum=∑",
        "prod=∏",
        "int=∫",
        "iint=∬",
        "oint=∮",
        "forall=∀",
        "exists=∃",
        "neg=¬",
        "lnot=¬",
        "land=∧",
        "wedge=∧",
        "lor=∨",
        "vee=∨",
        "in=∈",
        "notin=∉",
        "ni=∋",
        "subset=⊂",
        "subseteq=⊆",
        "supset=⊃",
        "supseteq=⊇",
        "cup=∪",
        "cap=∩",
        "emptyset=∅",
        "varnothing=∅",
        "setminus=∖",
        "to=→",
        "rightarrow=→",
        "leftarrow=←",
        "Rightarrow=⇒",
        "Leftarrow=⇐",
        "implies=⇒",
        "leftrightarrow=↔",
        "Leftrightarrow=⇔",
        "iff=⇔",
        "mapsto=↦",
        "uparrow=↑",
        "downarrow=↓",
        "ldots=…",
        "dots=…",
        "cdots=⋯",
        "vdots=⋮",
        "angle=∠",
        "perp=⊥",
        "parallel=∥",
        "mid=∣",
        "hbar=ℏ",
        "ell=ℓ",
        "Re=ℜ",
        "Im=ℑ",
        "aleph=ℵ",
        "degree=°",
        "prime=′",
        "therefore=∴",
        "because=∵",
        "langle=⟨",
        "rangle=⟩",
        "lfloor=⌊",
        "rfloor=⌋",
        "lceil=⌈",
        "rceil=⌉",
        "vert=|",
        "Vert=‖",
        "lbrace={",
        "rbrace=}",
        "square=□",
        "checkmark=✓",
    ]
)
_WORDS = frozenset(
    [
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "arcsin",
        "arccos",
        "arctan",
        "sinh",
        "cosh",
        "tanh",
        "log",
        "ln",
        "lg",
        "exp",
        "min",
        "max",
        "sup",
        "inf",
        "lim",
        "det",
        "dim",
        "ker",
        "gcd",
        "arg",
        "mod",
        "Pr",
        "deg",
    ]
)
_SPACES = {",": " ", ";": " ", ":": " ", " ": " ", "!": "", "quad": "  ", "qquad": "    ", "enspace": " "}
_ESCAPED = dict.fromkeys("$%&#_{}") | {"|": "‖"}
_DROPPED = frozenset(
    ("left", "right", "big", "Big", "bigg", "Bigg", "displaystyle", "textstyle", "limits", "nolimits")
)
_FRAMES = frozenset(
    (
        "text",
        "mathrm",
        "mathbf",
        "mathit",
        "mathsf",
        "mathtt",
        "textbf",
        "textit",
        "operatorname",
        "boldsymbol",
        "mbox",
    )
)
_BLACKBOARD = {"R": "ℝ", "N": "ℕ", "Z": "ℤ", "Q": "ℚ", "C": "ℂ", "P": "ℙ", "E": "𝔼", "1": "𝟙"}
_ACCENTS = {
    "hat": "\u0302",
    "bar": "\u0304",
    "vec": "\u20d7",
    "tilde": "\u0303",
    "dot": "\u0307",
    "overline": "\u0305",
}

_UP = str.maketrans("0123456789+-=()nixyTkabcdefghjlmoprstuvwz−*", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱˣʸᵀᵏᵃᵇᶜᵈᵉᶠᵍʰʲˡᵐᵒᵖʳˢᵗᵘᵛʷᶻ⁻*")
_DOWN = str.maketrans("0123456789+-=()aeioxhklmnpstijruv−", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑᵢₒₓₕₖₗₘₙₚₛₜᵢⱼᵣᵤᵥ₋")
_TOKEN = re.compile(r"\\([A-Za-z]+)\s*|\\(.)|([{}^_])|([^\\{}^_]+)", re.DOTALL)
_ATOM = re.compile(r"[\w.]+\Z|.\Z", re.DOTALL)
_LONGEST = 2000
_DEEPEST = 20


class _NoPlainForm(Exception):
    """The formula contains something without a plain form."""


def to_unicode(formula: str) -> str | None:
    """The formula (without its delimiters) as one readable line; None if it has no such form."""
    if len(formula) > _LONGEST or "\\\\" in formula or "&" in formula.replace("\\&", ""):
        return None
    try:
        text = _Reader(formula).group(0)
    except _NoPlainForm:
        return None
    return re.sub(r"[ \t\n]+", " ", text).strip() or None


def superscript(text: str) -> str | None:
    """The text in raised characters; None if one of them has no raised form."""
    return _shifted(text, _UP)


def subscript(text: str) -> str | None:
    """The text in lowered characters; None if one of them has no lowered form."""
    return _shifted(text, _DOWN)


def _shifted(text: str, table: dict[int, int]) -> str | None:
    compact = text.replace(" ", "")
    return compact.translate(table) if compact and all(ord(letter) in table for letter in compact) else None


class _Reader:
    def __init__(self, source: str) -> None:
        self._tokens = [found for found in _TOKEN.finditer(source) if found.end() > found.start()]
        self._at = 0
        if sum(found.end() - found.start() for found in self._tokens) != len(source):
            raise _NoPlainForm

    def group(self, depth: int) -> str:
        """Everything up to the closing brace of this depth, or the end."""
        if depth > _DEEPEST:
            raise _NoPlainForm
        out: list[str] = []
        while self._at < len(self._tokens):
            if self._tokens[self._at][0] == "}":
                if depth == 0:
                    raise _NoPlainForm
                self._at += 1
                return "".join(out)
            self._one(out, depth)
        if depth:
            raise _NoPlainForm
        return "".join(out)

    def _one(self, out: list[str], depth: int) -> None:
        found = self._tokens[self._at]
        self._at += 1
        command, escaped, mark, text = found.groups()
        if command is not None:
            out.append(self._command(command, depth))
            if command in _WORDS or (found[0].endswith(" ") and command in _SYMBOLS):
                out.append(" ")
        elif escaped is not None:
            out.append(_escaped(escaped))
        elif mark == "{":
            out.append(self.group(depth + 1))
        elif mark in ("^", "_"):
            out.append(_attached(mark, self._argument(depth)))
        else:
            out.append(text)

    def _argument(self, depth: int) -> str:
        """A group, a command, or one character."""
        if self._at >= len(self._tokens):
            raise _NoPlainForm
        found = self._tokens[self._at]
        if found[0] == "{":
            self._at += 1
            return self.group(depth + 1)
        if found[4] is None:
            out: list[str] = []
            self._one(out, depth + 1)
            return "".join(out).strip()
        text = found[4].lstrip()
        if not text:
            self._at += 1
            return self._argument(depth + 1)
        rest = text[1:]
        if rest:
            tail = _TOKEN.match(rest)
            if tail is None:
                raise _NoPlainForm
            self._tokens[self._at] = tail
        else:
            self._at += 1
        return text[0]

    def _command(self, name: str, depth: int) -> str:
        if name in _SYMBOLS:
            return _SYMBOLS[name]
        if name in _SPACES:
            return _SPACES[name]
        if name in _WORDS:
            return name
        if name in _DROPPED:
            return ""
        if name in _FRAMES:
            return self._argument(depth)
        return self._with_arguments(name, depth)

    def _with_arguments(self, name: str, depth: int) -> str:
        if name in ("frac", "dfrac", "tfrac"):
            above, below = self._argument(depth), self._argument(depth)
            return f"{_bracketed(above)}/{_bracketed(below)}"
        if name == "sqrt":
            return f"√{_bracketed(self._argument(depth))}"
        if name == "mathbb":
            letter = self._argument(depth)
            return _BLACKBOARD.get(letter, letter)
        if name in ("binom", "boxed"):
            inside = self._argument(depth)
            return inside if name == "boxed" else f"C({inside}, {self._argument(depth)})"
        if name in _ACCENTS:
            letter = self._argument(depth)
            return f"{letter}{_ACCENTS[name]}" if len(letter) == 1 else f"{name}({letter})"
        raise _NoPlainForm


def _escaped(character: str) -> str:
    if character in _SPACES:
        return _SPACES[character]
    if character in _ESCAPED:
        return _ESCAPED[character] or character
    raise _NoPlainForm


def _attached(mark: str, text: str) -> str:
    shifted = superscript(text) if mark == "^" else subscript(text)
    if shifted is not None:
        return shifted
    return f"{mark}{text}" if len(text) == 1 else f"{mark}({text.strip()})"


def _bracketed(text: str) -> str:
    text = text.strip()
    return text if _ATOM.match(text) else f"({text})"
