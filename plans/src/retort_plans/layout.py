"""Readable lines for emitted code, and the one place where text enters a comment.

`ast.unparse` writes a statement on one line. Statements wider than `WIDTH` are broken at their calls: a chain of
methods one method a line, arguments one a line, short texts as many as fit. What is laid out is parsed again and
compared with the tree it came from, so layout can never change what a script does.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Final

WIDTH: Final = 100
INDENT: Final = "    "


def statement(node: ast.stmt, depth: int = 0) -> str:
    """One statement as lines indented by `depth`, equal to `node` when parsed."""
    ast.fix_missing_locations(node)
    plain = ast.unparse(node)
    flat = "\n".join(INDENT * depth + line for line in plain.split("\n"))
    if not isinstance(node, ast.Assign) or len(flat) <= WIDTH:
        return flat
    target = ast.unparse(node.targets[0])
    text = INDENT * depth + f"{target} = " + _expression(node.value, depth, len(target) + 3)
    same = ast.dump(ast.parse(text.strip())) == ast.dump(ast.parse(plain))
    return text if same else flat


def _fits(text: str, depth: int, used: int) -> bool:
    return len(INDENT) * depth + used + len(text) <= WIDTH


def _expression(node: ast.expr, depth: int, used: int = 0, *, inside: bool = False) -> str:  # noqa: PLR0911
    """`node` on one line when it fits behind `used` characters, else broken at its outermost calls.

    `inside`: brackets are open around it, so it may go over lines without parentheses of its own.
    """
    flat = ast.unparse(node)
    if _fits(flat, depth, used):
        return flat
    match node:
        case ast.Call(func=ast.Attribute(value=owner)) if _chain_length(node) > 1 or isinstance(
            owner, ast.BinOp
        ):
            return _chain(node, depth, inside=inside)
        case ast.Call():
            return ast.unparse(node.func) + _arguments(node, depth)
        case ast.List(elts=[_, *_]):
            return "[\n" + _items(node.elts, depth) + INDENT * depth + "]"
        case ast.Dict(keys=[_, *_]):
            return "{\n" + _entries(node, depth) + INDENT * depth + "}"
        case ast.BinOp(op=ast.BitAnd() | ast.BitOr()):
            return _operation(node, depth)
    return flat


# -- operators --------------------------------------------------------------------------------------------
def _operation(node: ast.BinOp, depth: int, *, bare: bool = False) -> str:
    r"""`(one\n& two\n& three)`: the outermost operator starts each line. `bare`: a call's parentheses are around it."""
    pad = INDENT * (depth + 1)
    sign = "&" if isinstance(node.op, ast.BitAnd) else "|"
    first, *rest = (_grouped(side, depth + 1) for side in _sides(node, type(node.op)))
    lines = [f"{pad}{first}\n", *(f"{pad}{sign} {text}\n" for text in rest)]
    body = "".join(lines) + INDENT * depth
    return f"\n{body}" if bare else f"(\n{body})"


def _sides(node: ast.expr, operator: type[ast.operator]) -> list[ast.expr]:
    """The operands of `a & b & c`; the tree leans left."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, operator):
        return [*_sides(node.left, operator), node.right]
    return [node]


def _grouped(node: ast.expr, depth: int) -> str:
    text = _expression(node, depth, 4)
    loose = isinstance(node, ast.Compare | ast.BinOp | ast.UnaryOp) and not text.startswith("(\n")
    return f"({text})" if loose else text


# -- calls ------------------------------------------------------------------------------------------------
def _chain_length(node: ast.expr) -> int:
    length = 0
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node, length = node.func.value, length + 1
        while isinstance(node, ast.Attribute):  # a namespace
            node = node.value
    return length


def _chain(node: ast.Call, depth: int, *, inside: bool) -> str:
    """One method a line, in parentheses where none are open."""
    links: list[tuple[str, ast.Call]] = []
    inner: ast.expr = node
    while isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
        path, link, inner = inner.func.attr, inner, inner.func.value
        while isinstance(inner, ast.Attribute):  # a namespace such as .str belongs to its method
            path, inner = f"{inner.attr}.{path}", inner.value
        links.append((path, link))
    at = depth if inside else depth + 1
    head, *rest = reversed(links)
    owner = _grouped(inner, at)
    lines = [_link(owner, head, at), *(_link("", link, at) for link in rest)]
    if owner.startswith("("):  # an operation: its methods start below it
        lines = [owner, *(_link("", link, at) for link in (head, *rest))]
    body = f"\n{INDENT * at}".join(lines)
    return body if inside else f"(\n{INDENT * at}{body}\n{INDENT * depth})"


def _link(owner: str, link: tuple[str, ast.Call], depth: int) -> str:
    path, node = link
    flat = ", ".join(_arguments_flat(node))
    if _fits(flat, depth, len(owner) + len(path) + 3):
        return f"{owner}.{path}({flat})"
    return f"{owner}.{path}{_arguments(node, depth)}"


def _arguments_flat(node: ast.Call) -> list[str]:
    return [ast.unparse(arg) for arg in node.args] + [ast.unparse(key) for key in node.keywords]


def _arguments(node: ast.Call, depth: int) -> str:
    match node:
        case ast.Call(args=[ast.BinOp(op=ast.BitAnd() | ast.BitOr()) as only], keywords=[]):
            return f"({_operation(only, depth, bare=True)})"
        case ast.Call(args=[ast.List() | ast.Dict() as only], keywords=[]):
            return f"({_expression(only, depth, WIDTH)})"
        case ast.Call(args=[_, *_], keywords=[]) if all(isinstance(arg, ast.Constant) for arg in node.args):
            return "(\n" + _items(node.args, depth) + INDENT * depth + ")"
    pad = INDENT * (depth + 1)
    lines = [_expression(arg, depth + 1, inside=True) for arg in node.args]
    lines += [
        f"{key.arg}=" + _expression(key.value, depth + 1, len(key.arg or "") + 1) for key in node.keywords
    ]
    return "(\n" + "".join(f"{pad}{line},\n" for line in lines) + INDENT * depth + ")"


# -- lists ------------------------------------------------------------------------------------------------
def _items(nodes: Sequence[ast.expr], depth: int) -> str:
    """Elements one a line; constants as many as fit."""
    pad = INDENT * (depth + 1)
    if not all(isinstance(node, ast.Constant) for node in nodes):
        return "".join(f"{pad}{_expression(node, depth + 1, inside=True)},\n" for node in nodes)
    lines: list[str] = []
    for text in map(ast.unparse, nodes):
        if lines and len(lines[-1]) + len(text) + 2 <= WIDTH:
            lines[-1] += f" {text},"
        else:
            lines.append(f"{pad}{text},")
    return "".join(f"{line}\n" for line in lines)


def _entries(node: ast.Dict, depth: int) -> str:
    pad = INDENT * (depth + 1)
    pairs = zip(node.keys, node.values, strict=True)
    return "".join(f"{pad}{ast.unparse(k)}: {_expression(v, depth + 1)},\n" for k, v in pairs if k)


# -- comments ---------------------------------------------------------------------------------------------
def escaped(text: str) -> str:
    r"""`text` on one line: whatever could end a comment, hide or reorder it is shown as its code point.

    Python ends a line at `\r` too, editors also at U+2028 and its like, and a bidirectional control can show
    code as comment. None of them is printable.
    """
    return "".join(_visible(char) for char in text)


def _visible(char: str) -> str:
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"


def comment(text: str, depth: int = 0) -> str:
    """One comment line."""
    return f"{INDENT * depth}# {escaped(text)}".rstrip()
