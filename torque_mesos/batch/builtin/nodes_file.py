"""The file `server_priv/nodes`: what a server reads at its start, and people edit."""

from __future__ import annotations

import os
from typing import Iterable, List, Tuple

from .home import MOM_MANAGER_PORT, MOM_SERVICE_PORT
from .records import Node

_NOT_IN_PROPERTIES = ("+", ":", "/")


class BadNodesFile(Exception):
    """The file cannot be read; the server does not start with it.

    As with TORQUE, qmgr takes names and properties that make it so.
    """


def read(path: str, ports: Tuple[int, int]) -> List[Node]:
    """The nodes of a file, with these ports where it names none. Raises `BadNodesFile`, OSError."""
    nodes: List[Node] = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            words = line.split("#")[0].split()
            if words:
                nodes.append(_node(words, number, ports))
    return nodes


def _node(words: List[str], number: int, ports: Tuple[int, int]) -> Node:
    if not words[0][0].isalpha():
        raise BadNodesFile(
            f'parse_node_name, token "{words[0]}" doesn\'t start with alpha on line {number}'
        )
    node = Node(words[0], offline=False, list_unsent=False)
    node.service_port, node.manager_port = ports
    for word in words[1:]:
        key, equals, value = word.partition("=")
        try:
            if key == "np" and equals:
                node.set_np(int(value))
            elif key == "gpus" and equals:
                node.gpus = int(value)
            elif key == "mom_service_port" and equals:
                node.service_port = int(value)
            elif key == "mom_manager_port" and equals:
                node.manager_port = int(value)
            elif equals or any(letter in word for letter in _NOT_IN_PROPERTIES):
                raise ValueError(word)
            else:
                node.properties.append(word)
        except ValueError:
            text = f'token "{word}" in error on line {number}'
            raise BadNodesFile(text) from None
    return node


def write(path: str, nodes: Iterable[Node]) -> None:
    """Write a file that `read` reads, all at once."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.writelines(_line(node) + "\n" for node in nodes)
    os.replace(path + ".new", path)


def _line(node: Node) -> str:
    words = [node.name, f"np={node.np}"]
    if node.gpus:
        words.append(f"gpus={node.gpus}")
    if (node.service_port, node.manager_port) != (MOM_SERVICE_PORT, MOM_MANAGER_PORT):
        words.append(f"mom_service_port={node.service_port}")
        words.append(f"mom_manager_port={node.manager_port}")
    return " ".join(words + node.properties)
