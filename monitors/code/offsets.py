"""From the bytes in which parsers count to the characters in which places are given."""

from __future__ import annotations

_CONTINUES = bytes(range(0x80, 0xC0))  # bytes that are not the first of a character
_STRIDE = 1024


class Offsets:
    """From bytes to characters of one text, in a time that does not grow with the text."""

    def __init__(self, text: str, data: bytes) -> None:
        self.text = text
        self.data = data
        self._plain = len(text) == len(data)
        self._marks: list[int] = []

    def at(self, byte: int) -> int:
        if self._plain:
            return byte
        if not self._marks:
            count = 0
            for start in range(0, len(self.data) + 1, _STRIDE):
                self._marks.append(count)
                count += len(self.data[start : start + _STRIDE].translate(None, _CONTINUES))
        block = min(byte // _STRIDE, len(self._marks) - 1)
        return self._marks[block] + len(self.data[block * _STRIDE : byte].translate(None, _CONTINUES))

    def read(self, start: int, end: int, most: int | None = None) -> str:
        """The characters of `data[start:end]`, of its first `most` bytes where that is given."""
        stop = end if most is None else min(end, start + most)
        return self.data[start:stop].decode("utf-8", "ignore")
