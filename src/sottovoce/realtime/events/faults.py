"""What is wrong with a client's JSON, said as OpenAI says it: one fault, by the path of its field."""

from __future__ import annotations

import re

from pydantic import ValidationError

from sottovoce.errors import InvalidRequestError

MAX_SHOWN_CHARACTERS = 200
"""Of what the client sent, repeated to it in an error."""

_FIELD = re.compile(r"[a-z_]+")
_UNIONS = frozenset(
    "session item format turn_detection tool_choice truncation tracing max_output_tokens".split()
)
"""Fields of several types: the step after them is pydantic's name of one, as is the first after a number."""
_FAULTS: dict[str, tuple[str, str]] = {
    "missing": ("missing_required_parameter", "Missing required parameter: '{path}'."),
    "union_tag_not_found": ("missing_required_parameter", "Missing required parameter: '{path}'."),
    "extra_forbidden": ("unknown_parameter", "Unknown or unsupported parameter: '{path}'."),
    "json_invalid": ("invalid_json", "The message is not valid JSON."),
}
"""Code and message by pydantic's kind of fault; any other is a bad value."""


def fault(error: ValidationError, *root: str) -> InvalidRequestError:
    """The first fault. `root` is the path to what was read; its own union's tag begins pydantic's path."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = _path((*root, *first["loc"][1:]), first["type"])
    named = "Invalid value for '{path}': {msg}." if path else "Invalid message: {msg}."
    code, message = _FAULTS.get(first["type"], ("invalid_value", named))
    shown = message.format(path=path, msg=_shortened(first["msg"]))
    return InvalidRequestError(shown, param=path or None, code=code)


def _path(loc: tuple[int | str, ...], kind: str) -> str:
    """`loc` without what are no fields of the message: the names of a union's members."""
    last = loc[-1:] if kind == "extra_forbidden" else ()
    steps: list[str] = []
    previous: int | str = ""
    for step in loc[: len(loc) - len(last)]:
        if isinstance(step, int) or not _is_tag(previous, step):
            steps.append(str(step))
        previous = step
    steps += [str(step)[:MAX_SHOWN_CHARACTERS] for step in last]
    if kind.startswith("union_tag"):
        steps.append("type")
    return ".".join(steps)


def _is_tag(previous: int | str, step: str) -> bool:
    return isinstance(previous, int) or previous in _UNIONS or _FIELD.fullmatch(step) is None


def _shortened(message: str) -> str:
    """`message` without its middle, where a client's own words may stand at any length."""
    if len(message) <= 3 * MAX_SHOWN_CHARACTERS:
        return message
    return f"{message[:MAX_SHOWN_CHARACTERS]} … {message[-2 * MAX_SHOWN_CHARACTERS :]}"
