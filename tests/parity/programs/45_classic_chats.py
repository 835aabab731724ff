"""Classic AutoGen without a network: chats of two, in rows and nested; replies, hooks, functions, code."""

import asyncio
import logging
import traceback
from types import SimpleNamespace

import autogen

CLASSIC = (0, 2, 35)
CANARY = "CANARY-PROMPT-45c1"


class Scripted:
    """A model client of the app's own."""

    def __init__(self, config, **kwargs) -> None:
        self.calls = 0

    def create(self, params):
        self.calls += 1
        said = params["messages"][-1].get("content")
        if said and "break" in said:
            raise LookupError(f"the model is broken {CANARY}")
        message = SimpleNamespace(content=f"answer {self.calls} {CANARY}", function_call=None, tool_calls=None)
        return SimpleNamespace(choices=[SimpleNamespace(message=message)], model="scripted", cost=0, usage=None)

    def message_retrieval(self, response):
        return [choice.message.content for choice in response.choices]

    def cost(self, response) -> float:
        return 0

    @staticmethod
    def get_usage(response) -> dict:
        return {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "cost": 0, "model": "scripted"}


QUIET = {"human_input_mode": "NEVER", "code_execution_config": False}


def writer(name: str) -> autogen.AssistantAgent:
    config = {"config_list": [{"model": "scripted", "model_client_cls": "Scripted"}], "cache_seed": None}
    agent = autogen.AssistantAgent(name, llm_config=config)
    agent.register_model_client(Scripted)
    return agent


def talker(name: str, reply: str = "go on", **given) -> autogen.ConversableAgent:
    return autogen.ConversableAgent(name, llm_config=False, default_auto_reply=reply, **{**QUIET, **given})


def attempt(action) -> None:
    try:
        print("  gave", action())
    except Exception:
        print(traceback.format_exc())


def told(result) -> tuple:
    return result.summary, [message["content"] for message in result.chat_history], sorted(result.cost)


def synchronous() -> None:
    one, user = writer("one"), talker("user")
    print(told(user.initiate_chat(one, message=f"hello {CANARY}", max_turns=2)))
    print(told(user.initiate_chat(one, message="again", max_turns=1, clear_history=False, summary_method="last_msg")))
    print(told(user.initiate_chat(one, message=lambda sender, recipient, context: context["x"], x="made", max_turns=1)))
    short = talker("short", max_consecutive_auto_reply=1)
    print(told(short.initiate_chat(talker("other", is_termination_msg=lambda m: "go" in m["content"]), message="x")))
    queue = [
        {"recipient": writer("first"), "message": "a", "max_turns": 1, "summary_method": "last_msg"},
        {"recipient": writer("second"), "message": "b", "max_turns": 1, "carryover": "carried"},
    ]
    print([result.summary for result in user.initiate_chats(queue)])
    attempt(lambda: user.initiate_chat(one, message="break it", max_turns=1))
    attempt(lambda: user.initiate_chat(None, message="x"))
    attempt(lambda: user.initiate_chat())
    attempt(lambda: one.generate_reply())
    attempt(lambda: one.generate_reply([{"role": "user", "content": "directly"}]))


def nested() -> None:
    outer, user = talker("outer", "unused"), talker("user")
    chats = [{"recipient": writer("inner"), "message": "inside", "max_turns": 1, "summary_method": "last_msg"}]
    outer.register_nested_chats(chats, trigger=user)
    print(told(user.initiate_chat(outer, message="x", max_turns=1)))
    print([entry["reply_func"].__name__ for entry in outer._reply_func_list])


def replies_and_hooks() -> None:
    agent, user = talker("agent"), talker("user")

    def reply(recipient, messages=None, sender=None, config=None):
        config["seen"] += len(messages)
        return config["seen"] < 4, {"content": f"counted {config['seen']}"}

    agent.register_reply([autogen.Agent, None], reply, position=0, config={"seen": 0})
    agent.register_hook("process_last_received_message", lambda content: f"{content}!")
    print(told(user.initiate_chat(agent, message="x", max_turns=3)))
    agent.replace_reply_func(reply, autogen.ConversableAgent.generate_oai_reply)
    print(agent.generate_reply([{"role": "user", "content": "x"}]))


def functions() -> None:
    def divide(a: int, b: int) -> float:
        return a / b

    async def later(a: int) -> int:
        await asyncio.sleep(0)
        return a

    user = talker("user", function_map={"divide": divide, "later": later})
    calls = [("divide", '{"a": 1, "b": 2}'), ("divide", '{"a": 1, "b": 0}'), ("divide", "no json"), ("unknown", "{}")]
    for name, arguments in calls:
        call = {"name": name, "arguments": arguments}
        print(user.execute_function(call), asyncio.run(user.a_execute_function(call)))
    print(asyncio.run(user.a_execute_function({"name": "later", "arguments": '{"a": 7}'})))
    message = {
        "role": "assistant",
        "content": None,
        "function_call": {"name": "divide", "arguments": '{"a": 4, "b": 2}'},
    }
    print(user.generate_reply([message]))
    coder = talker("coder", code_execution_config={"use_docker": False, "work_dir": "coding"})
    print(coder.execute_code_blocks([("python", "print(6 * 7)"), ("sh", "exit 3")]))
    print(coder.generate_reply([{"role": "user", "content": "```python\nprint('code')\n```"}]))


async def asynchronous() -> None:
    one, user = writer("one"), talker("user")
    print(told(await user.a_initiate_chat(one, message=f"hello {CANARY}", max_turns=2)))
    chats = [{"chat_id": n, "recipient": writer(f"w{n}"), "message": "x", "max_turns": 1} for n in range(2)]
    done = await user.a_initiate_chats(chats)
    print({key: result.summary for key, result in done.items()})
    try:
        await user.a_initiate_chat(one, message="break it", max_turns=1)
    except LookupError:
        print(traceback.format_exc())
    pending = user.a_initiate_chat(one, message="never", max_turns=1)
    print(type(pending).__name__, pending.__name__, pending.__qualname__)
    pending.close()
    task = asyncio.ensure_future(user.a_initiate_chat(one, message="cancelled", max_turns=1))
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled")


if __name__ == "__main__":
    logging.getLogger("autogen.oai.client").setLevel(logging.ERROR)  # its lines have the time in them
    synchronous()
    nested()
    replies_and_hooks()
    functions()
    asyncio.run(asynchronous())
