from __future__ import annotations

import pytest

from schemas.layouts.thinking import may_think, split_thinking

R, T = "reasoning", "output"

CASES = {
    "no tags: the text as it is, spaces and all": (" hi \n", [(T, " hi \n")]),
    "a closed tag": ("<think>\na\n</think>\n\nb", [(R, "a"), (T, "b")]),
    "the longer tag": ("<thinking>a</thinking>b", [(R, "a"), (T, "b")]),
    "capital letters": ("<THINK>a</THINK>b", [(R, "a"), (T, "b")]),
    "one capital letter": ("<Thinking>a</Thinking>b", [(R, "a"), (T, "b")]),
    "letters of both kinds, and two spellings": ("<tHiNk>a</THINKing>b", [(R, "a"), (T, "b")]),
    "a missing opening tag in capitals": ("a</THINK>b", [(R, "a"), (T, "b")]),
    "a capital tag in backticks is spoken of": ("use `<THINK>` tags", [(T, "use `<THINK>` tags")]),
    "letters that only fold to ASCII are no tag": ("<th\u0131n\u212a>a", [(T, "<th\u0131n\u212a>a")]),
    "a missing opening tag, supplied by the template": ("a</think>b", [(R, "a"), (T, "b")]),
    "a missing closing tag, generation was cut": ("<think>a", [(R, "a")]),
    "text before the tag": ("x<think>a</think>b", [(T, "x"), (R, "a"), (T, "b")]),
    "several blocks": ("<think>a</think>b<think>c</think>d", [(R, "a"), (T, "b"), (R, "c"), (T, "d")]),
    "a second block that was cut": ("<think>a</think>b<think>c", [(R, "a"), (T, "b"), (R, "c")]),
    "an empty block leaves no step": ("<think>\n\n</think>\n\nb", [(T, "b")]),
    "nothing but an empty block": ("<think></think>", []),
    "an opening tag inside reasoning is part of it": ("<think>a <think> b</think>c", [(R, "a <think> b"), (T, "c")]),
    "a stray closing tag: what came before it was reasoning": (
        "<think>a</think>b</think>c",
        [(R, "a"), (R, "b"), (T, "c")],
    ),
    "a tag in backticks is spoken of": ("use `<think>` tags", [(T, "use `<think>` tags")]),
    "gpt-oss analysis and final": (
        "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>",
        [(R, "a"), (T, "b")],
    ),
    "gpt-oss tool call in the header": (
        "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary to=functions.run"
        ' <|constrain|>json<|message|>{"x": 1}<|call|>',
        [(R, "a"), ("action", '{"x": 1}')],
    ),
    "gpt-oss tool call beside the role": (
        "<|start|>assistant to=functions.run<|channel|>commentary json<|message|>{}<|call|>",
        [("action", "{}")],
    ),
    "gpt-oss cut in its analysis": ("<|channel|>analysis<|message|>a b", [(R, "a b")]),
    "gpt-oss preamble is output": ("<|channel|>commentary<|message|>Let me look.<|end|>", [(T, "Let me look.")]),
    "a channel token that is no message": ("say <|channel|> here", [(T, "say <|channel|> here")]),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_split(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(channel, piece) for channel, _, piece in split_thinking(text)] == expected


@pytest.mark.parametrize("text", [text for text, _ in CASES.values()], ids=CASES.keys())
def test_what_is_split_is_never_passed_over(text: str) -> None:
    assert may_think(text) or split_thinking(text) == [(T, None, text)]


def test_a_gpt_oss_action_names_its_tool() -> None:
    assert split_thinking("<|channel|>commentary to=functions.bash<|message|>ls<|call|>") == [("action", "bash", "ls")]
