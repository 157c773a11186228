"""The small parts: flags, thoughts, reasons, processors, history in llama.cpp's words."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.config import LlmSettings
from sottovoce.engines.llm.base import ReplyRequest, Sampling
from sottovoce.engines.llm.chat import Message, NamedTool, Tool
from sottovoce.errors import ConfigError, EngineUnavailable
from sottovoce.models.entry import ModelEntry
from sottovoce.models.installed import InstalledModel
from sottovoce.models.machine import LLAMA_FLAGS, Machine
from sottovoce.services.llama.backend import check_cpu, find_backend
from sottovoce.services.llama.builtin import ADAPTER, FLAGS
from sottovoce.services.llama.flags import Flags, TooOldError, command_line, make_flags
from sottovoce.services.llama.loading import gguf_file
from sottovoce.services.llama.reason import reason
from sottovoce.services.llama.thoughts import Thoughts
from sottovoce.services.llama.wire import Manners, alternating, chat_body

MODEL = Path("/models/m.gguf")
SMALL = Machine(cores=2, memory_bytes=4 << 30, cpu_flags=frozenset(LLAMA_FLAGS))
LARGE = replace(SMALL, cores=16, memory_bytes=128 << 30)
USAGE = """
-m,    --model FNAME     --host HOST  --port PORT  -c, --ctx-size N  -np, --parallel N  -t, --threads N
-tb, --threads-batch N  -b, --batch-size N  -ub, --ubatch-size N  --threads-http N  --metrics --jinja
--no-webui  --slots, --no-slots  --cors-origins O  --n-gpu-layers, --gpu-layers N  --reasoning-budget N
"""


def test_flags_suit_the_machine() -> None:
    small, large = make_flags(MODEL, LlmSettings(), SMALL), make_flags(MODEL, LlmSettings(), LARGE)
    assert (small.threads, small.parallel, small.context, small.whole_context) == (1, 1, 4096, 4096)
    assert (large.threads, large.parallel, large.whole_context) == (15, 2, 8192)
    assert (small.cache_mib, large.cache_mib) == (256, 2048)
    assert (small.gpu_layers, small.is_gpu_required) == (None, False)


def test_settings_win_over_the_machine() -> None:
    settings = LlmSettings(context=1024, parallel=4, threads=3, gpu_layers=7, thinking=True, provider="cuda")
    flags = make_flags(MODEL, settings, SMALL)
    assert (flags.whole_context, flags.parallel, flags.threads, flags.gpu_layers) == (4096, 4, 3, 7)
    assert flags.is_thinking
    assert flags.is_gpu_required
    assert make_flags(MODEL, LlmSettings(provider="cpu", gpu_layers=9), SMALL).gpu_layers == 0


def test_a_llama_server_gets_the_flags_that_it_knows() -> None:
    arguments, unknown = command_line(Flags(MODEL, context=1000, parallel=2, gpu_layers=3), USAGE)
    given_ = dict(itertools.pairwise(arguments))
    assert given_["--ctx-size"] == "2000"
    assert (given_["--host"], given_["--port"], given_["--n-gpu-layers"]) == ("127.0.0.1", "0", "3")
    assert {"--no-webui", "--no-slots"} <= set(arguments)
    assert "--sse-ping-interval" in unknown
    assert "--sse-ping-interval" not in arguments
    assert "--verbosity" not in arguments, "in old versions 1 is debug"
    assert "key" not in " ".join(arguments)
    with pytest.raises(TooOldError, match="--parallel"):
        command_line(Flags(MODEL), USAGE.replace("--parallel", ""))


def test_flags_travel_to_the_built_in_server() -> None:
    flags = Flags(MODEL, context=1000, parallel=2, threads=3, gpu_layers=4, is_thinking=True)
    assert ADAPTER.validate_json(ADAPTER.dump_json(flags)) == flags


@pytest.mark.parametrize("missing", LLAMA_FLAGS)
def test_a_processor_that_lacks_something_is_refused_before_it_kills_anything(missing: str) -> None:
    machine = replace(SMALL, cpu_flags=SMALL.cpu_flags - {missing})
    with pytest.raises(EngineUnavailable, match=f"lacks {missing}.*SOTTOVOCE_LLM_SERVER"):
        check_cpu(machine)
    check_cpu(replace(machine, architecture="aarch64"))
    check_cpu(SMALL)


async def test_the_built_in_server_gets_no_settings_of_the_user_s_and_no_key_to_show() -> None:
    environment = {"PATH": "/nowhere", "LLAMA_ARG_TOOLS": "all", "SOTTOVOCE_API_KEY": "secret", "HOME": "/h"}
    backend = await find_backend(LlmSettings(), Flags(MODEL), "the-key", LARGE, environment)
    assert backend.name == "built-in"
    assert backend.environment["OMP_WAIT_POLICY"] == "PASSIVE"
    assert {"LLAMA_ARG_TOOLS", "SOTTOVOCE_API_KEY"}.isdisjoint(backend.environment)
    assert "the-key" not in " ".join(backend.command) + repr(backend)
    assert ADAPTER.validate_json(backend.environment[FLAGS]) == Flags(MODEL)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            [
                "0.00.004.415 E gguf_init_from_file: failed to open GGUF file 'm.gguf' (No such file)",
                "0.00.004.781 E llama_model_load: error loading model: llama_model_loader: failed",
            ],
            "the model cannot be loaded: failed to open GGUF file 'm.gguf' (No such file)",
        ),
        (
            ["llama_model_load: error loading model: tensor 'x' data is not within the file bounds"],
            "the model cannot be loaded: error loading model: tensor 'x' data is not within the file bounds",
        ),
        (
            ["0.1 E srv         start: couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 1"],
            "its port is taken (couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 1)",
        ),
        (
            ["0.1 E ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 9"],
            "the model and its context need more memory than there is; make either smaller",
        ),
        (
            ["error: libgomp is missing, which llama.cpp needs: install it"],
            "libgomp is missing, which llama.cpp needs: install it",
        ),
        (["0.1 I srv load_model: loading model", "0.2 W llama_context: something"], ""),
        ([], ""),
    ],
)
def test_the_first_fault_is_the_reason(lines: list[str], expected: str) -> None:
    assert reason(lines) == expected


def stripped(pieces: list[str], *, is_open: bool = False) -> str:
    thoughts = Thoughts(is_open=is_open)
    return "".join(thoughts.push(piece) for piece in pieces) + thoughts.flush()


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Hello.", "Hello."),
        ("<think>hm</think>Hello.", "Hello."),
        ("\n<think>\nhm\n</think>\n\nHello.", "Hello."),
        ("<think></think><think>again</think>Hello.", "Hello."),
        ("</think>\nHello.", "Hello."),
        ("<thinking>hm < 3</thinking>Hello.", "Hello."),
        ("The tag <think> opens a thought.", "The tag <think> opens a thought."),
        ("<thanks>", "<thanks>"),
        ("<thin", "<thin"),
        ("<think>never ends", ""),
        ("a < b", "a < b"),
        ("", ""),
    ],
)
@given(cuts=st.sets(st.integers(1, 40)))
def test_thoughts_are_taken_out_wherever_a_stream_is_cut(said: str, kept: str, cuts: set[int]) -> None:
    ends = [0, *sorted(cut for cut in cuts if cut < len(said)), len(said)]
    assert stripped([said[start:end] for start, end in itertools.pairwise(ends)]) == kept


def test_a_prompt_may_end_within_thoughts() -> None:
    assert stripped(["hm, ", "I see</th", "ink> Yes."], is_open=True) == "Yes."


def message(**fields: Any) -> Message:
    return Message.model_validate(fields)


def tool(name: str) -> Tool:
    return Tool.model_validate({"type": "function", "function": {"name": name}})


def test_a_named_tool_is_offered_alone() -> None:
    choice = NamedTool.model_validate({"type": "function", "function": {"name": "b"}})
    asked = (message(role="user", content="x"),)
    body = chat_body(ReplyRequest(asked, (tool("a"), tool("b")), choice), Manners())
    assert ([one["function"]["name"] for one in body["tools"]], body["tool_choice"]) == (["b"], "required")


@pytest.mark.parametrize("arguments", ["", '{"size": "la', "[1]", "nonsense", "[" * 5000])
def test_arguments_that_are_no_object_become_the_value_of_one(arguments: str) -> None:
    call = {"id": "1", "function": {"name": "a", "arguments": arguments}}
    asked = (message(role="assistant", content=None, tool_calls=[call]),)
    body = chat_body(ReplyRequest(asked), Manners())
    told = body["messages"][0]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(told) == {"arguments": arguments}


def test_all_that_bears_on_the_next_token_is_passed_on() -> None:
    sampling = Sampling(0.1, 0.2, 3, 0.4, 0.5, 0.6, {"7": -100.0}, 0)
    request = ReplyRequest(
        (message(role="developer", content="x"),), max_tokens=5, stop=("a",), seed=-1, sampling=sampling
    )
    body = chat_body(request, Manners(is_thinking=True))
    expected = {
        **{"temperature": 0.1, "top_p": 0.2, "top_k": 3, "min_p": 0.4, "presence_penalty": 0.5},
        **{"frequency_penalty": 0.6, "logit_bias": {"7": -100.0}, "logprobs": True, "top_logprobs": 1},
        **{"max_tokens": 5, "stop": ["a"], "seed": (1 << 32) - 2, "stream": True, "cache_prompt": True},
    }
    assert {name: body[name] for name in expected} == expected
    assert body["messages"] == [{"role": "system", "content": "x"}]
    assert body["chat_template_kwargs"] == {"enable_thinking": True}


def test_the_prompt_of_the_same_conversation_begins_alike() -> None:
    """What is added comes at the end, or the cache would be lost."""
    said = (message(role="system", content="s"), message(role="user", content="a"))
    more = (*said, message(role="assistant", content="b"), message(role="user", content="c"))
    first, second = (chat_body(ReplyRequest(one, (tool("a"),)), Manners()) for one in (said, more))
    assert second["messages"][:2] == first["messages"]
    assert json.dumps(second["tools"]) == json.dumps(first["tools"])


def test_a_strict_template_gets_messages_that_alternate() -> None:
    call = {"id": "1", "function": {"name": "a", "arguments": "{}"}}
    told = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "1", "tool_call_id": "1"},
        {"role": "tool", "content": "2", "tool_call_id": "2"},
        {"role": "assistant", "content": "b"},
        {"role": "assistant", "content": "c"},
        {"role": "system", "content": "Hurry."},
    ]
    assert [(one["role"], one["content"]) for one in alternating(told)] == [
        ("user", "Be kind.\n\na"),
        ("assistant", ""),
        ("tool", "1"),
        ("tool", "2"),
        ("assistant", "b\n\nc"),
        ("user", "Hurry."),
    ]


def test_a_model_s_file_is_found_in_its_folder(tmp_path: Path) -> None:
    entry = ModelEntry(id="m", kind="llm", engine="llama.cpp")
    with pytest.raises(ConfigError, match=r"no \.gguf"):
        gguf_file(InstalledModel(entry=entry, path=tmp_path))
    for name in ("mmproj-x.gguf", "m-00002-of-00002.gguf", "m-00001-of-00002.gguf"):
        (tmp_path / name).touch()
    assert gguf_file(InstalledModel(entry=entry, path=tmp_path)).name == "m-00001-of-00002.gguf"
    assert gguf_file(InstalledModel(entry=entry, path=tmp_path / "own.gguf")).name == "own.gguf"
