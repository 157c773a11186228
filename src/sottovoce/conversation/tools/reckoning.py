"""Tools that work something out: sums, units, chance."""

from __future__ import annotations

import asyncio

from livekit.agents.llm import ToolError, function_tool

from sottovoce.conversation.tools.context import SessionTool, ToolContext
from sottovoce.skills import arithmetic, chance, units

MAX_EXPRESSION_CHARACTERS = 300
"""Bounds the work of one sum before it is read."""


def reckoning_tools(context: ToolContext) -> list[SessionTool]:
    """`calculate`, `convert_units`, `roll_dice`, `flip_coin`, `pick_number`."""

    @function_tool
    async def calculate(expression: str) -> str:
        """Work out a sum exactly.

        Args:
            expression: The sum in symbols or words, such as "12.5 * 4", "15% of 80", "square root of 2".
        """
        try:
            return arithmetic.calculate(expression[:MAX_EXPRESSION_CHARACTERS])
        except arithmetic.SumError as error:
            raise ToolError(str(error)) from None

    @function_tool
    async def convert_units(amount: float, from_unit: str, to_unit: str) -> str:
        """Convert an amount from one unit of measurement to another.

        Args:
            amount: How much, such as 20.
            from_unit: The unit it is in, such as "miles", "celsius", "cups".
            to_unit: The unit that is wanted, such as "kilometers".
        """
        try:
            # pint takes a quarter of a second to load the first time
            return await asyncio.to_thread(units.convert, amount, from_unit, to_unit)
        except units.UnitsError as error:
            raise ToolError(str(error)) from None

    return [calculate, convert_units, *_chance_tools(context)]


def _chance_tools(context: ToolContext) -> list[SessionTool]:
    @function_tool
    async def roll_dice(dice: int = 1, sides: int = 6) -> str:
        """Roll one or more dice.

        Args:
            dice: How many dice.
            sides: How many sides each has.
        """
        try:
            return chance.roll_sentence(context.rng, dice, sides)
        except ValueError as error:
            raise ToolError(str(error)) from None

    @function_tool
    async def flip_coin(coins: int = 1) -> str:
        """Flip one or more coins.

        Args:
            coins: How many coins.
        """
        try:
            return chance.flip_sentence(context.rng, coins)
        except ValueError as error:
            raise ToolError(str(error)) from None

    @function_tool
    async def pick_number(low: int = 1, high: int = 10) -> str:
        """Pick a random whole number.

        Args:
            low: The smallest it may be.
            high: The largest it may be.
        """
        return f"I pick {chance.pick_number(context.rng, low, high)}."

    return [roll_dice, flip_coin, pick_number]
