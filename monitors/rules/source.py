"""Reading YAML strictly: every value keeps the line it stands on, and every fault is kept instead of the first."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from monitors.rules.phrases import expanded, unknown
from schemas.errors import Fault

_KINDS = {
    "tag:yaml.org,2002:str": "text",
    "tag:yaml.org,2002:int": "a whole number",
    "tag:yaml.org,2002:float": "a number",
    "tag:yaml.org,2002:bool": "true/false",
    "tag:yaml.org,2002:null": "nothing",
    "tag:yaml.org,2002:timestamp": "a date",
    "tag:yaml.org,2002:map": "a mapping",
    "tag:yaml.org,2002:seq": "a list",
}


def line_of(node: Node) -> int:
    return int(node.start_mark.line) + 1


def kind_of(node: Node) -> str:
    return _KINDS.get(node.tag, node.tag)


def did_you_mean(given: str, known: Sequence[str], say: str = "use one of") -> str:
    """What to do about an unknown word: the near miss if there is one, and the words there are."""
    folded = {word.lower(): word for word in known}
    near = [folded[word] for word in difflib.get_close_matches(given.lower(), folded, n=1, cutoff=0.78)]
    listed = f"{say} {', '.join(known)}" if known else ""
    if not near:
        return listed
    guess = f"did you mean {near[0]!r}?"
    return f"{guess} {listed[:1].upper()}{listed[1:]}" if listed and len(known) <= 12 else guess[:-1]


class Source:
    """One YAML file being read, and the faults found in it so far."""

    def __init__(self, where: str, text: str, faults: list[Fault]) -> None:
        self.where = where
        self.faults = faults
        self.phrases: dict[str, str] = {}
        self.root: Node | None = None
        try:
            self.root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self.faults.append(Fault(where, mark.line + 1 if mark else None, f"not valid YAML: {error.problem}"))
        except yaml.YAMLError as error:
            self.faults.append(Fault(where, None, f"not valid YAML: {' '.join(str(error).split())}"))

    def fault(self, node: Node, what: str, todo: str = "") -> None:
        self.faults.append(Fault(self.where, line_of(node), what, todo))

    def mapping(self, node: Node, what: str, required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Node]:
        """The values by key; keys missing, unknown or given twice are faults."""
        found = self.entries(node, what)
        known = (*required, *optional)
        for key, (key_node, _) in found.items():
            if key not in known:
                self.fault(key_node, f"{what}: unknown key {key!r}", did_you_mean(key, known))
        if isinstance(node, MappingNode):
            for key in required:
                if key not in found:
                    self.fault(node, f"{what}: {key} is missing")
        return {key: value for key, (_, value) in found.items() if key in known}

    def entries(self, node: Node, what: str) -> dict[str, tuple[Node, Node]]:
        """The (key, value) nodes by key, whatever the keys are; a key given twice is a fault."""
        if not isinstance(node, MappingNode):
            self.fault(node, f"{what}: expected a mapping, found {kind_of(node)}")
            return {}
        found: dict[str, tuple[Node, Node]] = {}
        for key_node, value in node.value:
            key = self.text(key_node, f"{what}: key")
            if key is None:
                continue
            if key in found:
                self.fault(key_node, f"{what}: {key} is given twice", f"the first is on line {line_of(found[key][0])}")
            else:
                found[key] = (key_node, value)
        return found

    def items(self, node: Node, what: str) -> list[Node]:
        if not isinstance(node, SequenceNode):
            self.fault(node, f"{what}: expected a list, found {kind_of(node)}")
            return []
        return list(node.value)

    def expression(self, node: Node, what: str) -> str | None:
        """A regular expression, its phrases put in; an unknown phrase is a fault."""
        written = self.text(node, what)
        if written is None:
            return None
        missing = list(unknown(written, self.phrases))
        for name in missing:
            self.fault(
                node, f"{what}: unknown phrase {name!r}", did_you_mean(name, tuple(self.phrases), "the pack has")
            )
        return None if missing else expanded(written, self.phrases)

    def text(self, node: Node, what: str) -> str | None:
        if not isinstance(node, ScalarNode) or node.tag != "tag:yaml.org,2002:str":
            quote = "put it in quotes" if isinstance(node, ScalarNode) and node.value else ""
            self.fault(node, f"{what}: expected text, found {kind_of(node)}{self._shown(node)}", quote)
            return None
        if not node.value.strip():
            self.fault(node, f"{what}: is empty")
            return None
        return str(node.value)

    def texts(self, node: Node, what: str) -> tuple[str, ...]:
        """A list of text with at least one entry."""
        listed = self.items(node, what)
        if isinstance(node, SequenceNode) and not listed:
            self.fault(node, f"{what}: is empty")
        found = (self.text(item, f"{what}[{i}]") for i, item in enumerate(listed))
        return tuple(t for t in found if t is not None)

    def integer(self, node: Node, what: str, least: int, most: int | None = None) -> int | None:
        value = int(node.value) if node.tag == "tag:yaml.org,2002:int" and _is_plain_int(node.value) else None
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        if value is None:
            self.fault(
                node, f"{what}: expected a whole number, found {kind_of(node)}{self._shown(node)}", f"give one {bounds}"
            )
        elif value < least or (most is not None and value > most):
            self.fault(node, f"{what}: {value} is out of range", f"give a whole number {bounds}")
            return None
        return value

    def share(self, node: Node, what: str) -> float | None:
        """A number from 0 to 1."""
        numeric = node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
        try:
            value = float(node.value) if numeric else None
        except ValueError:  # .inf, 0x10, 1:30 are numbers to YAML
            value = None
        if value is None:
            self.fault(
                node, f"{what}: expected a number, found {kind_of(node)}{self._shown(node)}", "give one from 0 to 1"
            )
        elif not 0 <= value <= 1:
            self.fault(node, f"{what}: {value:g} is out of range", "give a number from 0 to 1")
            return None
        return value

    def one_of(self, node: Node, what: str, word: str, known: Sequence[str]) -> str | None:
        value = self.text(node, f"{what}: {word}")
        if value is not None and value not in known:
            self.fault(node, f"{what}: unknown {word} {value!r}", did_you_mean(value, known))
            return None
        return value

    @staticmethod
    def _shown(node: Node) -> str:
        return f" {node.value}" if isinstance(node, ScalarNode) and node.value and len(node.value) < 40 else ""


def _is_plain_int(text: str) -> bool:
    return text.lstrip("+-").isdigit()
