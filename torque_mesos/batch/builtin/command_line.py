"""Options as C's getopt reads them, which TORQUE's commands are written with."""

from __future__ import annotations

from typing import List, NamedTuple, Tuple


class CommandLine(NamedTuple):
    """Options in their order, the words between them, and what getopt complains of."""

    options: List[Tuple[str, str]]
    names: List[str]
    errors: List[str]


def parse(command: str, words: List[str], letters: str, mixed: bool = True) -> CommandLine:
    """Read `words`; `letters` are getopt's (`h:` takes a value). Wrong options are skipped.

    There are no long options: each letter of `--all` is one, and `-` is one, too. Where they
    are not `mixed`, the first word that is no option ends them.
    """
    found = CommandLine([], [], [])
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            found.names.extend(rest)
            break
        if not word.startswith("-") or word == "-":
            found.names.append(word)
            if not mixed:
                found.names.extend(rest)
                break
            continue
        _read(command, word[1:], rest, letters, found)
    return found


def _read(command: str, word: str, rest: List[str], letters: str, found: CommandLine) -> None:
    while word:
        letter, word = word[0], word[1:]
        at = letters.find(letter)
        if at < 0 or letter in ":-":
            found.errors.append(f"{command}: invalid option -- '{letter}'")
        elif letters[at + 1 : at + 2] != ":":
            found.options.append((f"-{letter}", ""))
        elif word or rest:
            found.options.append((f"-{letter}", word or rest.pop(0)))
            return
        else:
            found.errors.append(f"{command}: option requires an argument -- '{letter}'")
