"""A loader of YAML 1.2 that makes nothing but plain values, within limits.

A few lines of YAML can stand for gigabytes (anchors that are repeated within anchors), for objects
of other classes (tags), or for a structure that contains itself. A recipe needs none of these.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

import yaml

from ..sections import shown

DEEPEST = 40
"""Most sections inside one another."""

LARGEST = 1 << 20
"""Size of a document with its aliases written out: characters, and :data:`NODE` for each value."""

NODE = 16
LONGEST_NUMBER = 40
"""Characters of a number; those of thousands of digits take long to read, and fit nowhere."""

TAG = "tag:yaml.org,2002:"
TAGS = tuple(TAG + name for name in ("null", "bool", "int", "float", "str", "seq", "map"))

COLLECTIONS = {TAG + "seq": yaml.SequenceNode, TAG + "map": yaml.MappingNode}

SCALARS = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?[0-9]+", list("-+0123456789")),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
}
"""How values without quotes are read: a pattern, and the characters that they start with."""

PATTERNS = {name: re.compile(f"^(?:{pattern})$") for name, (pattern, _) in SCALARS.items()}


class Refused(yaml.MarkedYAMLError):
    """What is valid YAML and no recipe; the mark says where."""

    def __init__(self, problem: str, node: Any) -> None:
        super().__init__(None, None, problem, node.start_mark)


class Loader(yaml.SafeLoader):
    """A YAML 1.2 loader without duplicate keys (PyYAML reads 5e-4 as text, `no` as false)."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[Any]]] = {}  # type: ignore[misc]

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._size = 0
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose the next value, and count what it comes to with its aliases written out."""
        event = self.peek_event()
        before = self._size
        if isinstance(event, yaml.AliasEvent):
            node = super().compose_node(parent, index)
            size = self._sizes.get(id(node))
            if size is None:
                raise Refused(f"*{event.anchor} stands inside of what it repeats", event)
            self._size += size
        else:
            self._depth += 1
            if self._depth > DEEPEST:
                raise Refused(f"more than {DEEPEST} sections inside one another", event)
            node = super().compose_node(parent, index)
            self._depth -= 1
            self._size += NODE
            if node is not None:
                self._check(node)
                self._sizes[id(node)] = self._size - before
        if self._size > LARGEST:
            raise Refused(
                f"too large: more than {LARGEST:,} characters with everything written out", event
            )
        return node

    def _check(self, node: yaml.Node) -> None:
        if node.tag not in TAGS:
            raise Refused(f"the tag {shown(node.tag)} is not supported; write a plain value", node)
        made = COLLECTIONS.get(node.tag, yaml.ScalarNode)
        if not isinstance(node, made):
            # Only where a tag says so.
            raise Refused(f"a value of the tag {node.tag} looks otherwise", node)
        if not isinstance(node, yaml.ScalarNode):
            return
        self._size += len(node.value)
        name = node.tag.removeprefix(TAG)
        if name in ("int", "float") and len(node.value) > LONGEST_NUMBER:
            raise Refused(f"a number of {len(node.value)} characters is too long", node)
        if name in PATTERNS and not PATTERNS[name].match(node.value):
            # Only where a tag says what the value does not look like.
            raise Refused(f"{shown(node.value)} is no value of the type {name}", node)
        if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in node.value):
            raise Refused("text with a zero character, or half of a character", node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise Refused(f"the key {shown(key)} is not a string", key_node)
            if key in seen:
                raise Refused(f"duplicate key {shown(key)}", key_node)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _integer(loader: Loader, node: yaml.ScalarNode) -> int:
    return int(node.value)


def _number(loader: Loader, node: yaml.ScalarNode) -> float:
    text = node.value.lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


for _name, (_, _first) in SCALARS.items():
    Loader.add_implicit_resolver(TAG + _name, PATTERNS[_name], _first)
Loader.add_constructor(TAG + "int", _integer)
Loader.add_constructor(TAG + "float", _number)
