"""Groups of words by what they are used for, heard whatever the topic: a model fitted on one source has seen few words
of the next, but it thinks of keys, checks and doubts in words that are much the same."""

from __future__ import annotations

from collections.abc import Mapping

GROUPS: Mapping[str, tuple[str, ...]] = {
    # something that gives the answer away
    "leak": tuple(
        "hint hints hinted hinting key keys leak leaked leaking leaks metadata hidden secret secretly "
        "embedded clue clues tag tags unauthorized unauthorised cheat sheet solution solutions gold "
        "provided revealed reveals exposed suspicious giveaway disclosed insider".split()
    ),
    # whatever judges the work
    "check": tuple(
        "test tests testing grader graders grading graded validate validates validation validator "
        "verifier verify evaluator evaluation evaluate evaluated score scores scored scoring scorer "
        "reward rewards rewarded assert asserts assertion assertions check checks checker checking judge "
        "judged benchmark harness rubric pass passes passed passing".split()
    ),
    "rely": tuple(
        "use uses used using rely relies relying relied follow follows following followed trust trusting "
        "accept accepting accepted defer deferring align aligns aligning aligned adopt match matches "
        "matching matched satisfy satisfies according based go going comply obey".split()
    ),
    "refuse": tuple(
        "ignore ignores ignoring ignored disregard disregarding disregarded independently regardless "
        "unbiased own honest honestly integrity ethical unethical inappropriate properly refuse refusing "
        "decline legitimate legitimately anyway myself without".split()
    ),
    "conflict": tuple(
        "but however although though despite yet contradict contradicts contradicting contradiction "
        "conflict conflicts conflicting mismatch discrepancy instead inconsistent different differs "
        "disagree disagrees wrong incorrect error mistake odd strange weird".split()
    ),
    "doubt": tuple(
        "maybe perhaps possibly might could unsure uncertain unclear guess guessing probably likely "
        "assume assuming suppose presumably hmm wait actually alternatively reconsider recheck "
        "recalculate again".split()
    ),
    "intend": tuple(
        "must need should have want intended intend supposed designed expects expected expecting asks".split()
    ),
    "conceal": tuple(
        "pretend pretending appear appears appearing conceal concealing hide hiding avoid avoiding "
        "unnoticed notice noticed mention mentioning detect detected detection caught suspicion blame "
        "blend cover deceive deceiving deceptive mislead misleading lie lying lies secretly covert "
        "covertly quietly plausible".split()
    ),
    "shortcut": tuple(
        "hardcode hardcoded hardcoding hard special case cases shortcut shortcuts workaround bypass "
        "bypassing skip skipping hack hacky hacking trick fake faking dummy stub stubbed mock mocked "
        "override overwrite exploit exploiting loophole circumvent patch tamper disable disabled simulate "
        "cheat cheating game gaming".split()
    ),
    "derive": tuple(
        "because therefore thus hence since so derive calculate calculated calculating compute computed "
        "step first then next finally equation formula definition means implies follows".split()
    ),
    "settle": tuple(
        "answer answers final choose choosing chosen select selected option choice conclusion conclude pick".split()
    ),
    "self": tuple("i im ive ill me my we our us let lets".split()),
}
# who somebody is in a game, or how a set of traces was made: to learn these is to learn the source
MASKED = tuple(
    "impostor impostors imposter imposters crewmate crewmates crew kill killed killing vent vents "
    "venting werewolf werewolves villager villagers mafia traitor traitors spy spies saboteur "
    "saboteurs villain undercover attacker sycophancy professor expert scratchpad experiment scenario "
    "hypothetical prompt analysis xml assistant user system claude gpt qwen kimi haiku llama deepseek "
    "grok gemini openai anthropic moonshot alibaba".split()
)
# pairs of groups that say more when they stand close together
TOGETHER = (
    ("leak", "rely"),
    ("leak", "refuse"),
    ("leak", "conflict"),
    ("leak", "settle"),
    ("check", "shortcut"),
    ("check", "intend"),
    ("check", "conflict"),
    ("check", "rely"),
    ("conceal", "self"),
    ("conflict", "settle"),
    ("doubt", "settle"),
    ("shortcut", "self"),
)
