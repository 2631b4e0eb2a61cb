"""Reasoning as models spell it, each in an output and in an action, and honest texts that only speak of it."""

from __future__ import annotations

import time
from itertools import pairwise

import pyarrow as pa
import pytest

from pipelines.export.masking.thought_letters import as_read
from pipelines.export.masking.thoughts import may_hold, outside, reasoning_spans

S = "zunächst 😀 täusche ich die Prüfung vor"
SPELLINGS = {
    "a bare line": f"Thinking\n{S}\n\nAnswer\n4",
    "a bare line with dots": f"Thinking...\n{S}\n...done thinking.\n\n4",
    "a heading": f"### Thought process\n{S}\n### Answer\n4",
    "a bold heading": f"**Thinking**\n\n{S}\n\n**Final answer**\n4",
    "a heading, its own sections within": f"# Thinking\n## One\n{S}\n## Two\n{S}\n# Design\n4",
    "a heading that is underlined": f"Thinking\n========\n{S}\n\nAnswer\n======\n4",
    "a heading between rules": f"=== Thinking ===\n{S}\n--- RESPONSE ---\n4",
    "a heading with an emoji": f"🤔 **Thinking steps:** {S}\n**Answer:** 4",
    "reasoning before an answer": f"## Reasoning\n{S}\n## Answer\n4",
    "a label that is numbered": f"1. Thought: {S}\n2. Action: 4",
    "a label in brackets": f"[Thought]: {S}\nAction: 4",
    "a label in quotes": f"“Thoughts”: {S}\nAnswer: 4",
    "a label and its end": f"THINKING:\n{S}\nEND THINKING\n4",
    "a label with a wide colon": f"Thought：{S}\nAnswer：4",
    "Chinese": f"思考：{S}\n答案：4",
    "a Chinese heading": f"## 思考过程\n{S}\n## 答案\n4",
    "Chinese brackets": f"【思考】{S}\n【答案】4",
    "Chinese reasoning": f"推理：{S}\n答案：4",
    "Japanese": f"考え：{S}\n答え：4",
    "Korean": f"생각: {S}\n답변: 4",
    "German": f"Gedanken: {S}\nAntwort: 4",
    "French": f"Réflexion : {S}\nRéponse : 4",
    "French thoughts": f"Pensée : {S}\nRéponse : 4",
    "Spanish": f"Razonamiento: {S}\nRespuesta: 4",
    "Spanish thoughts": f"Pensamiento: {S}\nRespuesta: 4",
    "Russian": f"Мысли: {S}\nОтвет: 4",
    "a fence": f"```thinking\n{S}\n```\n4",
    "a longer fence with a fence in it": f"````thought\n{S}\n```\n{S}\n````\n4",
    "a fence of tildes": f"~~~reasoning\n{S}\n~~~\n4",
    "a comment": f"<!-- thinking: {S} -->4",
    "between comments": f"<!-- thinking -->{S}<!-- /thinking -->4",
    "a comment in a program": f"/* thoughts: {S} */ 4",
    "details": f"<details>\n<summary>💭 Thought for 12 seconds</summary>\n\n{S}\n</details>4",
    "details within details": f"<details><summary>Thinking</summary><details>{S}</details>{S}</details>4",
    "details by their type": f'<details type="reasoning" done="true"><summary>x</summary>{S}</details>4',
    "an element by its type": f'<step type="thought">{S}</step>4',
    "LaTeX": f"\\begin{{reasoning}}{S}\\end{{reasoning}}4",
    "YAML": f"thoughts: |\n  plan: {S}\n\n  {S}\nanswer: 4",
    "YAML in a list": f"- agent_thoughts: >-\n    {S}\n  answer: 4",
    "Python": f'```python\nthoughts = "{S}"\nprint(4)\n```',
    "Python with a type": f'```python\nmy_reasoning: str = f"""{S}"""\nprint(4)\n```',
    "Python over lines": f"thoughts = (\n    '{S}'\n)\nprint(4)",
    "JavaScript": f"const thinking = `{S}`;\n4",
    "JavaScript's keys": f'{{thoughts: "{S}", command: "4"}}',
    "Ruby": f'{{"thoughts" => "{S}", "command" => "4"}}',
    "an attribute": f'<call thoughts="{S}" command="4"/>',
    "an option": f"agent --thoughts '{S}' --run 4",
    "a here-document": f"THOUGHTS=$(cat <<'EOF'\n{S}\nEOF\n)\n4",
    "JSON with escapes in its keys": rf'{{"th\u0069nking": "{S}", "a": 4}}',
    "JSON after prose": f'Result: {{"thoughts": "{S}", "answer": 4}}',
    "JSON with a key in Chinese": f'{{"思考": "{S}", "answer": 4}}',
    "an invisible letter": f"<th\u200bink>{S}</th\u2060ink>4",
    "a look-alike": f"<thіnk>{S}</thіnk>4",
    "mathematical letters": f"<𝐭𝐡𝐢𝐧𝐤>{S}</𝐭𝐡𝐢𝐧𝐤>4",
    "an invisible letter in a label": f"Tho\u00adught: {S}\nAction: 4",
    "any case": f"<tHiNk>{S}</ThInK>4",
    "a name in any case": f'{{"tHoUgHtS": "{S}", "a": 4}}',
    "entities": f"&lt;think&gt;{S}&lt;/think&gt;4",
    "numbered entities": f"&#60;think&#x3e;{S}&#60;/think&#62;4",
    "entities twice": f"&amp;lt;think&amp;gt;{S}&amp;lt;/think&amp;gt;4",
    "an address": f"%3Cthink%3E{S}%3C/think%3E4",
    "a namespace": f"<ns:thinking xmlns:ns='x'>{S}</ns:thinking>4",
    "a longer name": f"<thinking_process>{S}</thinking_process>4",
    "two names": f"<SCRATCHPAD_REASONING>{S}</SCRATCHPAD_REASONING>4",
    "a foreign tag": f"<思考>{S}</思考>4",
    "Hunyuan": f"<think:opensource>{S}</think:opensource>4",
    "Kimi K3": f"<|open|>think<|sep|>{S}<|close|>think<|sep|>4",
    "Inkling": f"<|content_thinking|>{S}<|end_message|><|message_model|><|content_text|>4",
    "Apertus": f"<|inner_prefix|>{S}<|inner_suffix|>4",
    "s1": f"<|im_start|>think\n{S}<|im_start|>answer\n4",
    "Quiet-STaR": f"<|startthought|>{S}<|endthought|>4",
    "Step": f"<|THINK_START|>{S}<|THINK_END|>4",
    "gpt-oss calls a tool": f"<|channel|>commentary to=functions.x<|message|>{S}<|call|><|channel|>final<|message|>4",
    "gpt-oss calls a tool by its role": f"<|start|>assistant to=x<|channel|>commentary<|message|>{S}<|call|>4",
    "gpt-oss without its tokens": f"analysisWe {S}.assistantcommentary to=x json {S} assistantfinal4",
    "a tag spoken of in the thought": f"<think>I will write '</think>' and {S}</think>4",
}


@pytest.mark.parametrize("channel", ["output", "action"])
@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_reasoning_by_any_spelling_is_found_and_the_rest_stays(text: str, channel: str) -> None:
    spans = reasoning_spans(text, channel)
    left = "".join(text[a:b] for a, b in outside(spans, 0, len(text)))
    assert "täusche" not in left
    assert "4" in left
    assert may_hold(pa.array([text])).to_pylist() == [True]


HONEST = {
    "an essay's analysis": "Analysis\n\nIt is 4.",
    "an analysis before an answer": "## Analysis\nA.\n## Answer\n4",
    "a chapter on thinking": "# Thinking about the future\nWe must plan.\n\n## Answer to critics\n4",
    "final thoughts": "It works.\n\n## Final Thoughts\nIt is good.",
    "a poem": "He had a thought.\n\nThoughts\n\nare free.",
    "a book": "Thinking, Fast and Slow\nby D. K.",
    "a reflection": "The essay's Reflection\n\nI learned.",
    "a table": "| Model | Thinking |\n|---|---|\n| a | yes |",
    "an honest argument": 'My reasoning: "all men are mortal" holds.',
    "a heading on engines": "### Reasoning engines\n4",
    "tags in backticks": "Use `<think>` tags to think, then `</think>`.",
    "channels in backticks": "`<|channel|>analysis<|message|>` begins it.",
    "code that splits at a tag": 'return text.split("</think>")[-1]',
    "code that looks for a tag": "if '<think>' in text:\n    start = text.index('<think>')",
    "a pattern": "m = re.search(r'<think>(.*?)</think>', text, re.DOTALL)",
    "a pattern in JavaScript": "s.replace(/<think>[\\s\\S]*?<\\/think>/g, '')",
    "a template": 'return f"<think>{reasoning}</think>{answer}"',
    "a constant": "const tag = '<thinking>';",
    "a variable": "reasoning = explain(x)\nprint(reasoning)",
    "a prompt in code": 'REASONING_PROMPT = """Work step by step, then answer."""',
    "an option's help": "parser.add_argument('--reasoning', help='show the reasoning of the model')",
    "a component": "<ThinkingIndicator visible />",
    "a setting": 'client.create(thinking={"type": "enabled"}, reasoning_effort="as high as it will go")',
    "a comment in code": "x = 4  /* reason: it is shorter, as the linter says */",
    "a comment in HTML": "<!-- analysis of variance -->",
    "Chinese": "思考题：1+1 等于几？",
    "Russian": "Мысли вслух — это книга.",
    "emoji": "✔️ done 👍🏽",
    "details of something else": "<details><summary>Thinking about costs</summary>4</details>",
    "YAML of something else": "reasons: |\n  It is 4.\n",
}


@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST)
def test_what_only_speaks_of_reasoning_stays(text: str) -> None:
    assert reasoning_spans(text, "output") == []


@pytest.mark.parametrize("text", [*HONEST.values(), *SPELLINGS.values()], ids=[*HONEST, *SPELLINGS])
def test_each_letter_read_has_its_place_in_the_text(text: str) -> None:
    read = as_read(text)
    if read is not None:
        places = [read.original((i, i + 1)) for i in range(len(read.text))]
        assert places[0][0] == 0 or text[: places[0][0]].strip() == ""
        assert all(a < b and b == c for (a, b), (c, _) in pairwise(places))
        assert places[-1][1] == len(text)


HOSTILE = {
    "headings": "# Thinking\n",
    "bare headings": "Thinking\n",
    "YAML": "thoughts: |\n",
    "YAML within": "thoughts: |\n ",
    "fences": "```thinking\n",
    "comments": "<!-- thinking: ",
    "pairs of comments": "<!-- thinking -->",
    "details": "<details><summary>Thinking</summary>",
    "elements": '<a type="thought">',
    "elements without end": '<a type="thought" ',
    "environments": "\\begin{reasoning}",
    "texts given": 'thoughts = "',
    "texts given in backticks": "thinking = `",
    "options": "--thoughts '",
    "here-documents": "thoughts=$(cat <<EOF\n",
    "tokens": "<|content_thinking|>",
    "escapes": "\\u0061",
    "entities": "&amp;",
    "invisible letters": "\u200b",
    "look-alikes": "thі",
    "quoted tags": '"<think>',
    "patterns": "<think>.*",
    "brackets": "[Thought]",
    "blanks and dots": "Thinking . ",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_no_spelling_takes_more_than_linear_time(piece: str) -> None:
    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        begun = time.process_time()
        reasoning_spans(text, "action")
        return time.process_time() - begun

    assert min(seconds(80_000) for _ in range(2)) < 8 * min(seconds(20_000) for _ in range(2)) + 0.05
