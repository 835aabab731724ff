"""Loops, threads and processes: the same objects used in a second loop, in threads, and in a forked child."""

import asyncio
import concurrent.futures
import os
import re
import sys
import threading

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


def new_agent(name: str, replies: int = 9) -> AssistantAgent:
    return AssistantAgent(name, ReplayChatCompletionClient([f"{name} {number} {CANARY}" for number in range(replies)]))


async def run(agent) -> str:
    return (await agent.run(task=f"Go. {CANARY}")).messages[-1].content


async def left_open() -> str:
    stream = new_agent("open").run_stream(task=CANARY)
    globals()["open"] = stream
    return type(await anext(stream)).__name__


def in_a_thread(name: str) -> str:
    agent = new_agent(name)
    return asyncio.run(run(agent)) + " / " + asyncio.run(run(agent))


def main() -> None:
    agent = new_agent("shared")
    print([asyncio.run(run(agent)) for _ in range(3)])
    print(asyncio.run(left_open()))

    loop = asyncio.new_event_loop()
    print(loop.run_until_complete(run(agent)))
    loop.close()
    try:
        loop.run_until_complete(asyncio.sleep(0))
    except RuntimeError as error:
        print(type(error).__name__, error)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        print(list(pool.map(in_a_thread, "abcd")))
    thread = threading.Thread(target=lambda: print(in_a_thread("thread")), name="own")
    thread.start()
    thread.join()

    team = RoundRobinGroupChat([new_agent("x"), new_agent("y")], max_turns=2)
    print(asyncio.run(run(team)))
    try:
        print(asyncio.run(run(team)))
    except RuntimeError as error:
        print(type(error).__name__, re.sub("0x[0-9a-f]+", "0x", str(error)))

    sys.stdout.flush()
    child = os.fork()
    if not child:
        try:
            print("child", asyncio.run(run(agent)), in_a_thread("child"))
            print("child", asyncio.run(run(new_agent("new"))))
        except BaseException as error:
            print("child", type(error).__name__, error)
        finally:
            sys.stdout.flush()
            os._exit(7)
    print("exit code of the child", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(asyncio.run(run(agent)))


if __name__ == "__main__":
    main()
