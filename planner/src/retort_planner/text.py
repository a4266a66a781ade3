"""Text before meaning: width, spaces, invisible characters, quoted literals, and which language it is.

Quoted pieces are replaced by single private characters, so that nothing inside a quotation can be read as a verb.
All patterns are linear; the length of a message is bounded by `MAX_CHARS`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from retort_core.plans import Lang

MAX_CHARS: Final = 2_000  # of one message; an instruction is a sentence or a few
LITERAL_BASE: Final = 0xE800
COLUMN_BASE: Final = 0xE000
SPAN: Final = 0x800
C: Final = "[\ue000-\ue7ff]"  # a linked column, as pattern text
L: Final = "[\ue800-\uefff]"  # a quoted literal, as pattern text
# A new name: quoted, one word, or Chinese, in which the name of a column may occur (平均打分).
NAME: Final = rf"(?:{L}|[A-Za-z_][A-Za-z0-9_]*|(?:[\u4e00-\u9fff]|{C}[\u4e00-\u9fff\ue000-\ue7ff])[\u4e00-\u9fffA-Za-z0-9_\ue000-\ue7ff]{{0,15}}?)"

_QUOTED = re.compile(
    r"「([^」]{0,400})」|『([^』]{0,400})』|“([^”]{0,400})”|‘([^’]{0,400})’|＂([^＂]{0,400})＂|\"([^\"]{0,400})\"|`([^`]{0,400})`"
    r"|(?<![A-Za-z0-9])'([^']{0,400})'(?![A-Za-z0-9])"
)
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ue000-\uf8ff]")
# 3,000 is one number; in Chinese, where commas list values, only before a unit or bound.
_THOUSANDS = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))(?<![0-9]{4},)")
_THOUSANDS_ZH = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?:[元块以人万]|,[0-9]{3}))")
_SPACE = re.compile(r"\s+")
_CJK = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_ASCII_SIDE = re.compile(r"[A-Za-z0-9_\ue000-\uefff]")
_FOREIGN_SCRIPT = re.compile(
    r"[\u0400-\u052f\u0590-\u06ff\u0900-\u0dff\u0e00-\u0eff\u3040-\u30ff\uac00-\ud7af\u0370-\u03ff]"
)
# Function words that English does not have; two of them (or one with an accent) mean another language.
_FOREIGN_WORDS = frozenset(
    ["le", "la", "les", "des", "du", "une", "et", "est", "dans", "pour", "avec", "sur", "supprimer", "supprimez", "garder", "gardez", "colonne", "colonnes", "lignes", "ligne", "der", "die", "das", "und", "ist", "nicht", "mit", "spalte", "spalten", "zeilen", "löschen", "lösche", "entferne", "entfernen", "bitte", "wo", "alle", "el", "los", "las", "una", "con", "para", "eliminar", "elimina", "columna", "columnas", "filas", "borrar", "borra", "donde", "por", "favor", "il", "della", "delle", "colonna", "colonne", "righe", "elimina", "rimuovi", "coluna", "colunas", "linhas", "remover", "remova"]
)  # fmt: skip
_ENGLISH_STARTS = frozenset(
    ["please", "can", "could", "would", "i", "we", "let", "what", "how", "which", "who", "show", "give", "list", "count", "drop", "delete", "remove", "keep", "select", "rename", "move", "put", "add", "create", "make", "compute", "calculate", "derive", "split", "merge", "combine", "concatenate", "join", "convert", "cast", "change", "turn", "filter", "exclude", "sort", "order", "dedupe", "deduplicate", "mark", "flag", "tag", "treat", "fill", "impute", "replace", "set", "clear", "recode", "reverse", "trim", "strip", "upper", "lower", "uppercase", "lowercase", "capitalize", "title", "extract", "pull", "standardize", "standardise", "normalize", "normalise", "handle", "bin", "group", "cut", "describe", "summarize", "summarise", "average", "mean", "median", "max", "min", "sum", "crosstab", "cross", "tabulate", "frequency", "distribution", "nps", "label", "annotate", "discard", "only", "leave", "get", "find", "throw", "eliminate", "consider", "declare", "blank", "cap", "clip", "winsorize", "unify", "fix", "clean", "process", "deal", "take", "all", "rows", "for", "if", "where", "in", "no", "actually", "the", "undo", "redo", "then", "also", "and", "now", "concat", "cleanse", "restrict", "limit", "arrange", "rank", "retain", "erase", "wipe", "swap", "substitute", "map", "bucket", "categorize", "band", "percentage", "share", "number", "total"]
)  # fmt: skip


@dataclass(frozen=True)
class Protected:
    """Text with every quotation replaced by one character; `literals[i]` is what stood inside, untouched."""

    text: str
    literals: tuple[str, ...]


def protect(raw: str) -> Protected:
    """Quotations out, then one width, single spaces, nothing invisible."""
    literals: list[str] = []

    def keep(match: re.Match[str]) -> str:
        literals.append(next(group for group in match.groups() if group is not None))
        return chr(LITERAL_BASE + len(literals) - 1)

    visible = _INVISIBLE.sub(" ", raw)
    quoted = _QUOTED.sub(keep, visible)
    text = unicodedata.normalize("NFKC", quoted)
    text = (_THOUSANDS_ZH if has_cjk(text) else _THOUSANDS).sub("", text)
    return Protected(squeeze(text), tuple(literals))


def squeeze(text: str) -> str:
    """Single spaces, and none at all unless both neighbours are letters, digits or linked pieces."""
    text = _SPACE.sub(" ", text).strip()
    return re.sub(" ", lambda m: " " if _spaced(text, m.start()) else "", text)


def _spaced(text: str, at: int) -> bool:
    sides = text[at - 1], text[at + 1]
    if any("\u4e00" <= side <= "\u9fff" for side in sides):
        # "把 city 列" needs no space, "replace 北京市 with 北京" does.
        return any(side.isascii() and side.isalpha() for side in sides)
    return bool(_ASCII_SIDE.match(sides[0]) or _ASCII_SIDE.match(sides[1]))


def fold(text: str) -> str:
    """Equal for texts that differ only in case, width, spaces or underscores."""
    return re.sub(r"[\s_\-]+", "", unicodedata.normalize("NFKC", text).casefold())


def narrow(text: str) -> str:
    """One width, no surrounding spaces; letter case is kept. Equality of cells means equality of this."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def has_cjk(text: str) -> bool:
    return _CJK.search(text) is not None


def language(masked: str, hint: Lang | None = None) -> Lang:
    """Language of the words around columns and literals: the reply follows it."""
    first = re.search(r"[A-Za-z]+|[\u3400-\u9fff]", masked)
    if first is None:
        return hint or "zh"
    if not has_cjk(masked):
        return "en"
    return "en" if first.group().casefold() in _ENGLISH_STARTS else "zh"


def foreign(masked: str) -> bool:
    """Whether the words are in a language that is neither Chinese nor English."""
    if _FOREIGN_SCRIPT.search(masked):
        return True
    if has_cjk(masked):
        return False
    words = re.findall(r"[^\W\d_]+", masked.casefold())
    known = sum(word in _ENGLISH_STARTS for word in words)
    hits = sum(word in _FOREIGN_WORDS for word in words)
    accents = sum(not word.isascii() for word in words)
    return hits + accents >= 2 and hits + accents > known


def detect_lang(text: str, hint: Lang | None = None) -> Lang:
    """Language of a message before anything is linked in it."""
    return language(protect(text).text, hint)
