"""Magentic-One: the orchestrator gathers facts, plans, keeps a ledger and answers."""

import asyncio
import json

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.teams import MagenticOneGroupChat
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


def ledger(satisfied: bool, speaker: str, progress: bool = True) -> str:
    def entry(answer) -> dict:
        return {"reason": "Because.", "answer": answer}

    return json.dumps(
        {
            "is_request_satisfied": entry(satisfied),
            "is_progress_being_made": entry(progress),
            "is_in_loop": entry(False),
            "instruction_or_question": entry(f"Continue, {speaker}. {CANARY}"),
            "next_speaker": entry(speaker),
        }
    )


async def run(team: MagenticOneGroupChat) -> None:
    async for item in team.run_stream(task=f"Provide a different proof for Fermat's Last Theorem. {CANARY}"):
        if hasattr(item, "stop_reason"):
            print(type(item).__name__, item.stop_reason, len(item.messages))
        else:
            print(type(item).__name__, item.source, repr(item.content[:60]), item.models_usage)


async def main() -> None:
    orchestrator = ReplayChatCompletionClient(
        [f"FACTS {CANARY}", "PLAN", ledger(False, "prover"), ledger(False, "checker"), ledger(True, "prover"), "QED."]
    )
    prover = AssistantAgent("prover", ReplayChatCompletionClient([f"A proof. {CANARY}"]))
    checker = AssistantAgent("checker", ReplayChatCompletionClient(["It holds."]))
    team = MagenticOneGroupChat([prover, checker], model_client=orchestrator)
    await run(team)
    print(orchestrator.total_usage())

    # One stall re-plans; a ledger that never parses is an error of the team.
    orchestrator = ReplayChatCompletionClient(
        ["FACTS", "PLAN", ledger(False, "prover", progress=False), "NEW FACTS", "NEW PLAN", *["not json"] * 10]
    )
    prover = AssistantAgent("prover", ReplayChatCompletionClient(["A proof."]))
    team = MagenticOneGroupChat([prover], model_client=orchestrator, max_stalls=1)
    try:
        await run(team)
    except Exception as error:
        print(type(error).__name__, str(error).splitlines()[0])


if __name__ == "__main__":
    asyncio.run(main())
