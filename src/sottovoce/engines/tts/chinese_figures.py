"""Numbers in Chinese, which num2words does not have."""

from __future__ import annotations

_DIGITS = "零一二三四五六七八九"
_PLACES = ("", "十", "百", "千")
_GROUPS = ("", "万", "亿", "万亿")
"""Of four digits each."""


def chinese_number(number: int) -> str:
    """A whole number of at most sixteen digits, as it is read: 10 is 十, 101 is 一百零一."""
    if number == 0:
        return _DIGITS[0]
    groups: list[int] = []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    said = ""
    for index in range(len(groups) - 1, -1, -1):
        group = groups[index]
        if group:
            is_gap = bool(said) and group < 1000
            said += (_DIGITS[0] if is_gap else "") + _group(group) + _GROUPS[index]
    return said.removeprefix("一") if said.startswith("一十") else said


def _group(number: int) -> str:
    said, is_gap = "", False
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if digit:
            said += (_DIGITS[0] if is_gap and said else "") + _DIGITS[digit] + _PLACES[place]
        is_gap = digit == 0
    return said
