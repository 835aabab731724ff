"""AG2's chats in threads of their own: run(), step by step, alone, asynchronously, and what a failing one says."""

import asyncio
import contextvars
import threading

import autogen

CLASSIC = (0, 11)
CANARY = "CANARY-PROMPT-48f4"
VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
QUIET = {"human_input_mode": "NEVER", "code_execution_config": False, "llm_config": False}


class Looking(autogen.ConversableAgent):
    """Tells of the thread that it is asked in."""

    def generate_reply(self, messages=None, sender=None, **kwargs):
        thread = threading.current_thread()
        name = thread.name.partition("(")[2]
        if "break" in messages[-1]["content"]:
            raise LookupError("broken")
        return f"{name} {thread.daemon} {type(thread).__name__} {VARIABLE.get()}"


def events(response) -> list:
    return [type(event).__name__ for event in response.events]


async def main() -> None:
    VARIABLE.set("set")
    user, looking = autogen.ConversableAgent("user", **QUIET), Looking("looking", **QUIET)
    for message in (CANARY, "break"):
        response = user.run(looking, message=message, max_turns=1)
        print(events(response), response.summary)
    steps = user.run_iter(looking, message=CANARY, max_turns=1)
    print([type(event).__name__ for event in steps])
    response = await user.a_run(looking, message=CANARY, max_turns=1)
    print([type(event).__name__ async for event in response.events], await response.summary)
    response = looking.run(message=CANARY, max_turns=1)
    print(events(response))

    async def later(a: int) -> str:
        return f"{a} {VARIABLE.get()} {threading.current_thread().name.partition('(')[2]}"

    user.register_function({"later": later})
    print(user.execute_function({"name": "later", "arguments": '{"a": 1}'}))


if __name__ == "__main__":
    asyncio.run(main())
