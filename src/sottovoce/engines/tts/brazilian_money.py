"""Money in Brazilian Portuguese, of which num2words knows reais alone."""

from __future__ import annotations

from num2words import num2words

_NAMES = {
    "R$": ("real", "reais"),
    "€": ("euro", "euros"),
    "$": ("dólar", "dólares"),
    "£": ("libra", "libras"),
}
_FEMININE = "£"


def brazilian_price(whole: int, cents: int, sign: str) -> str:
    """Such as "três reais e cinquenta centavos"; cents are said where there are some."""
    said = [_amount(whole, *_NAMES[sign], is_feminine=sign == _FEMININE)] if whole or not cents else []
    if cents:
        said.append(_amount(cents, "centavo", "centavos"))
    return " e ".join(said)


def _amount(number: int, one: str, many: str, *, is_feminine: bool = False) -> str:
    said = str(num2words(number, lang="pt_BR"))
    if is_feminine:
        said = _feminine(said)
    of = "de " if said.endswith(("ilhão", "ilhões")) else ""
    return f"{said} {of}{one if number == 1 else many}"


def _feminine(said: str) -> str:
    """The numbers of a thing that is feminine; millions stay what they are."""
    words = said.split(" ")
    last = {"um": "uma", "dois": "duas"}.get(words[-1], words[-1])
    return " ".join([*words[:-1], last]).replace("entos", "entas")
