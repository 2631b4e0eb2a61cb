"""The words with which models head their reasoning, and what ends it, in the languages they think in.

All are compared as `plain` gives them: in small letters, without accents, numbers and what stands between words.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_BETWEEN = re.compile(r"[\s_\-'’]+")
_AROUND = re.compile(r"^(?:step )?\d{1,3} |[\s\d]+$|^(?:my|the|model|model s|agent|agent s) ")
_AFTER = re.compile(r" (?:trace|steps?|notes?|log|block|section|content|text|process|phase|here|begins?|start)$")


def _set(text: str) -> frozenset[str]:
    return frozenset(plain(word) for line in text.strip().splitlines() for word in line.split(","))


@lru_cache(maxsize=4096)
def plain(label: str) -> str:
    """A label as it is compared.

    >>> plain("Inner_Monologue 2"), plain("Réflexion"), plain("思考過程")
    ('inner monologue', 'reflexion', '思考過程')
    """
    letters = "".join(c for c in unicodedata.normalize("NFKD", label) if not unicodedata.combining(c))
    words = _BETWEEN.sub(" ", unicodedata.normalize("NFKC", letters.casefold())).strip()
    return _AROUND.sub("", words).strip()


# a label or a heading of these words begins reasoning
ALWAYS = _set(
    """
thinking, thought process, thinking process, chain of thought, chain of thoughts, cot, scratchpad, scratch pad
thinking scratchpad, reasoning scratchpad, scratchpad reasoning, thinking out loud, thinking aloud
inner thought, inner thoughts, inner monologue, internal monologue, internal thought, internal thoughts
internal reasoning, private reasoning, hidden reasoning, inner reasoning, private thoughts, hidden thoughts
internal thinking, inner thinking, private thinking, hidden thinking, private scratchpad, monologue
思考过程, 思考過程, 内心独白, 內心獨白, 思维链, 思維鏈, 思维过程, 思維過程, 内心活动, 思考链
思考プロセス, 内なる独白, 心の声, 思考の過程, 생각 과정, 사고 과정, 속마음, 내적 독백
gedankengang, gedankengange, denkprozess, gedankenprozess, innerer monolog
processus de reflexion, processus de pensee, monologue interieur, chaine de pensee
proceso de pensamiento, monologo interior, monologo interno, cadena de pensamiento
processo de pensamento, cadeia de pensamento, processo di pensiero, catena di pensiero, monologo interiore
ход мыслей, внутренний монолог, размышления, цепочка мыслей, думки, gedachtengang, denkproces
"""
)
# these do as a label with a colon, and as a heading before an answer
LABELS = _set(
    """
thought, thoughts, 思考, 想法, 思路, 考え, 생각, 사고
gedanke, gedanken, uberlegung, uberlegungen, pensee, pensees, pensamiento, pensamientos, pensamento, pensamentos
pensiero, pensieri, мысль, мысли, размышление, думка, mysl, mysli, gedachte, gedachten, dusunce, dusunceler
تفكير, التفكير, افكار, الافكار, विचार, सोच, suy nghi, tankar, tanke, pemikiran
"""
)
# these do before an answer only, for an essay may have them
BEFORE_ANSWER = _set(
    """
reasoning, rationale, reasoning process, step by step reasoning, reasoning chain, deliberation
推理, 推理过程, 推理過程, 推論, 推論過程, 추론, 추론 과정
reflexion, reflexions, reflexiones, raisonnement, razonamiento, raciocinio, ragionamento, riflessione
рассуждение, рассуждения, міркування, rozumowanie, redenering, resonemang, begrundung, suy luan, penalaran
"""
)
ENDS = _set(
    """
action, actions, action input, act, observation, final answer, answer, final response
response, command, tool, tool call, tool input, function call, final output
答案, 最终答案, 最終答案, 回答, 最终回答, 最終回答, 行动, 行動, 动作, 動作, 回复, 回覆, 输出, 輸出, 操作
答え, 最終的な答え, 出力, アクション, 返答, 답변, 최종 답변, 답, 정답, 최종 답, 응답, 행동, 출력
antwort, endantwort, aktion, ausgabe, reponse, reponse finale, sortie
respuesta, respuesta final, accion, salida, resposta, resposta final, acao, risposta, risposta finale, azione
ответ, окончательный ответ, итоговый ответ, действие, відповідь, дія, odpowiedz, antwoord, actie
cevap, yanit, svar, handling, tra loi, cau tra loi, hanh dong, jawaban, الاجابة, الجواب, उत्तर
"""
)
# what a heading may say besides, to end what a heading began
HEADING_ENDS = ENDS | _set(
    """
solution, final solution, output, result, results, final result, final, reply, final reply, conclusion, final code
summary, code, implementation, user facing response, message
结论, 結論, 解答, 结果, 結果, 결론, 해답, losung, fazit, ergebnis, conclusion, resultat, solucion, resultado
conclusao, solucao, conclusione, soluzione, вывод, решение, итог, результат
"""
)
CLOSERS = _set("done thinking, end of thinking, end thinking, end of thoughts, end thoughts, end of thought process")
OPENERS = ALWAYS | LABELS | BEFORE_ANSWER

# what any of the words that begin reasoning holds, accents or none, and no other language's small talk; for RE2
FOREIGN_ROOTS = (
    "思考|思路|想法|推理|推論|独白|獨白|思维|思維|内心|内なる|心の声|考え|생각|사고|추론|속마음|독백"
    "|gedank|(?:ü|u\u0308|u|ue)berlegung|denkproz|innerer monolog|begr(?:ü|u\u0308|u|ue)ndung"
    "|pens(?:é|e\u0301|e)e|r(?:é|e\u0301|e)flexi|raisonnement|mon(?:ó|o\u0301|o)logo|cha(?:î|i\u0302|i)ne de"
    "|pensamiento|razonamiento|pensamento|racioc(?:í|i\u0301|i)nio|pensier|ragionament|riflession"
    "|мысл|размышл|рассужд|внутренн|думк|міркув|my(?:ś|s\u0301|s)l|rozumow|gedacht|denkproc|redener|resonemang"
    "|d(?:ü|u\u0308|u)(?:ş|s\u0327|s)(?:ü|u\u0308|u)nc|تفكير|فكار|विचार|सोच|suy (?:ngh|lu)|tank[ae]|pemikiran|penalaran"
)

# names of tags in other languages, with their accents and without
FOREIGN_TAGS = (
    "思考过程|思考過程|思考プロセス|思考|推理过程|推理過程|推理|推論|思路|想法|内心独白|考え|생각|추론|사고"
    "|gedanken?|[üÜ]berlegung(?:en)?|pens[ée]es?|r[ée]flexions?|raisonnement|pensamientos?|razonamiento|pensamentos?"
    "|racioc[íi]nio|pensier[oi]|ragionamento|[мМ]ысли|[рР]азмышления|[рР]ассуждения"
)


@lru_cache(maxsize=16384)
def trimmed(label: str) -> str:
    """A label as compared, without a word such as `steps` at its end: `Thinking steps` begins what `Thinking` does."""
    words = plain(label)
    return words if words in OPENERS else _AFTER.sub("", words)
