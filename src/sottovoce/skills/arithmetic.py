"""Sums evaluated exactly and said aloud. Nothing is ever `eval`ed: a Pratt parser walks the tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from math import isqrt

from sottovoce.skills.numbers import say_number
from sottovoce.skills.sums import Token, tokenize

MAX_POWER = 100
MAX_BITS = 200
"""Bounds what powers and products can pile up to."""
MAX_SAID = 10**15
"""Nobody follows a larger result by ear."""

BINDING = {"+": 10, "-": 10, "*": 20, "/": 20, "mod": 20, "%of": 20, "of": 25, "^": 40}
SAID = {
    "+": "plus", "-": "minus", "*": "times", "/": "divided by", "mod": "modulo", "%of": "percent of",
    "^": "to the power of", "%": "percent", "^2": "squared", "^3": "cubed", "sqrt": "the square root of",
    "neg": "minus", "half": "half of", "of": "of",
}  # fmt: skip


class SumError(ValueError):
    """No sum, or one without an answer; the text can be said aloud."""


@dataclass(frozen=True, slots=True)
class Result:
    value: Fraction
    is_exact: bool = True


def calculate(text: str) -> str:
    """ "23 times 4 is 92." Raises `SumError` with a sentence that can be said."""
    tokens = tokenize(text)
    if not tokens:
        raise SumError("I could not read that as a sum.")
    result = evaluate(tokens)
    if abs(result.value) > MAX_SAID:
        raise SumError("The result is too large to say.")
    said, is_rounded = _said_value(result)
    return f"{_said_sum(tokens)} is {'about ' if is_rounded else ''}{said}."


def is_sum(text: str) -> bool:
    """Whether `text` is nothing but a sum: numbers with at least one operator that can be evaluated."""
    tokens = tokenize(text)
    if not tokens or all(
        token.kind in ("number", "open", "close") or token.text == "neg" for token in tokens
    ):
        return False
    try:
        evaluate(tokens)
    except SumError as problem:
        return str(problem) != _INCOMPLETE
    return True


def evaluate(tokens: Sequence[Token]) -> Result:
    """The value of a sum. Raises `SumError`."""
    parser = _Parser(tokens)
    value = parser.expression(0)
    if parser.position != len(tokens):
        raise SumError(_INCOMPLETE)
    return Result(value, parser.is_exact)


_INCOMPLETE = "That sum is not complete."


class _Parser:
    """One pass over the tokens; `is_exact` falls when a root has to be rounded."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.position = 0
        self.is_exact = True

    def take(self) -> Token:
        if self.position >= len(self.tokens):
            raise SumError(_INCOMPLETE)
        self.position += 1
        return self.tokens[self.position - 1]

    def peek(self) -> Token | None:
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def expression(self, binding: int) -> Fraction:
        left = self.operand()
        while (token := self.peek()) is not None:
            if token.kind == "postfix":
                self.take()
                left = self.postfix(token.text, left)
            elif token.kind == "infix" and BINDING[token.text] > binding:
                self.take()
                left = self.infix(token.text, left)
            else:
                break
        return left

    def operand(self) -> Fraction:
        token = self.take()
        if token.kind == "number":
            return token.value
        if token.kind == "open":
            value = self.expression(0)
            if self.take().kind != "close":
                raise SumError(_INCOMPLETE)
            return value
        if token.kind == "prefix":
            return self.prefix(token.text)
        raise SumError(_INCOMPLETE)

    def prefix(self, code: str) -> Fraction:
        value = self.expression(30)
        if code == "sqrt":
            return self.root(value)
        return -value if code == "neg" else value / 2

    def postfix(self, code: str, value: Fraction) -> Fraction:
        return value / 100 if code == "%" else power(value, Fraction(int(code[-1])))

    def infix(self, code: str, left: Fraction) -> Fraction:
        # powers bind to the right: 2^3^2 is 2^9
        right = self.expression(BINDING[code] - (code == "^"))
        if code in "+-" and self.tokens[self.position - 1].text == "%":
            right *= left  # "80 minus 10 percent" means 10 percent of the 80
        if code == "^" and right == Fraction(1, 2):
            return self.root(left)
        return _bounded(_apply(code, left, right))

    def root(self, value: Fraction) -> Fraction:
        if value < 0:
            raise SumError("A negative number has no square root among the real numbers.")
        exact = Fraction(isqrt(value.numerator), isqrt(value.denominator))
        if exact * exact == value:
            return exact
        self.is_exact = False
        with localcontext() as context:
            context.prec = 20
            return Fraction((Decimal(value.numerator) / Decimal(value.denominator)).sqrt())


def _apply(code: str, left: Fraction, right: Fraction) -> Fraction:
    if code in ("/", "mod") and right == 0:
        raise SumError("Dividing by zero has no answer.")
    if code == "^":
        return power(left, right)
    return {
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right,
        "of": lambda: left * right,
        "/": lambda: left / right,
        "mod": lambda: left % right,
        "%of": lambda: left / 100 * right,
    }[code]()


def power(base: Fraction, exponent: Fraction) -> Fraction:
    """`base` to a whole power within bounds. Raises `SumError`."""
    if exponent.denominator != 1:
        raise SumError("I can only work out whole powers and square roots.")
    if base == 0 and exponent < 0:
        raise SumError("Dividing by zero has no answer.")
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(exponent) > MAX_POWER or bits * abs(exponent) > MAX_BITS:
        raise SumError("The result is too large to say.")
    return Fraction(base ** int(exponent))


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS * 2:
        raise SumError("The result is too large to say.")
    return value


def _said_value(result: Result) -> tuple[str, bool]:
    value = Decimal(result.value.numerator) / Decimal(result.value.denominator)
    said = say_number(value)
    shown = Fraction(said.replace("minus ", "-").replace(",", ""))
    return said, not result.is_exact or shown != result.value


def _said_sum(tokens: Sequence[Token]) -> str:
    if any(token.kind == "open" for token in tokens):
        return "The result"  # parentheses cannot be heard
    said = " ".join(_said_token(token) for token in tokens)
    return said[:1].upper() + said[1:]


def _said_token(token: Token) -> str:
    if token.kind != "number":
        return SAID[token.text]
    return token.text if token.text[-1].isalpha() else say_number(Decimal(token.text))
