"""What classic objects are: copied, pickled, compared, inspected, subclassed in unusual ways."""

import copy
import dataclasses
import inspect
import pickle
from typing import ClassVar

import autogen
from autogen.agentchat import conversable_agent
from autogen.coding import LocalCommandLineCodeExecutor
from autogen.coding.base import CodeExecutor, CodeResult

CLASSIC = (0, 2, 35)
CANARY = "CANARY-PROMPT-47e3"
QUIET = {"human_input_mode": "NEVER", "code_execution_config": False, "llm_config": False}
METHODS = (
    "initiate_chat",
    "a_initiate_chat",
    "initiate_chats",
    "generate_reply",
    "a_generate_reply",
    "execute_function",
    "a_execute_function",
    "run_chat",
    "create",
    "execute_code_blocks",
)


class Counting:
    def __init__(self, *args, **kwargs) -> None:
        self.counted = len(args) + len(kwargs)


class Mixed(CodeExecutor, Counting):
    def execute_code_blocks(self, code_blocks):
        return CodeResult(exit_code=0, output="x")


class Labelled(autogen.ConversableAgent):
    labels: ClassVar[list] = []

    def __init_subclass__(cls, label="none", **kwargs) -> None:
        super().__init_subclass__(**kwargs)
        cls.labels.append((cls.__name__, label))


class First(Labelled, label="first"):
    def __init__(self, name: str) -> None:
        super().__init__(name, **QUIET)


class Silent(autogen.ConversableAgent):
    """Never calls super().__init__()."""

    def __init__(self) -> None:
        self._name = "silent"

    def generate_reply(self, messages=None, sender=None, **kwargs):
        return "nothing"


@dataclasses.dataclass
class Group(autogen.GroupChat):
    topic: str = "x"


class Meta(type(autogen.ConversableAgent)):
    def __call__(cls, *args, **kwargs):
        made = super().__call__(*args, **kwargs)
        made.made_by = cls.__name__
        return made


class Made(autogen.ConversableAgent, metaclass=Meta):
    pass


def attempt(action) -> str:
    try:
        return f"done {type(action()).__name__}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def main() -> None:
    for cls in (autogen.ConversableAgent, autogen.AssistantAgent, autogen.GroupChat, autogen.GroupChatManager):
        print(cls.__name__, inspect.signature(cls), cls.__mro__)
    for owner in (
        autogen.ConversableAgent,
        autogen.GroupChatManager,
        autogen.OpenAIWrapper,
        LocalCommandLineCodeExecutor,
    ):
        for name in METHODS:
            method = getattr(owner, name, None)
            if method is not None:
                print(
                    owner.__name__, name, inspect.signature(method), inspect.iscoroutinefunction(method), method.__doc__
                )
                print(
                    callable(method), inspect.isfunction(inspect.unwrap(method)), method.__qualname__, method.__module__
                )
    print([field.name for field in dataclasses.fields(autogen.GroupChat)])

    agent, other = First("agent"), autogen.ConversableAgent("other", **QUIET)
    print(Labelled.labels, isinstance(agent, autogen.Agent), isinstance(object(), autogen.Agent))
    chat = Group([agent, other], [], speaker_selection_method="round_robin", topic="y")
    manager = autogen.GroupChatManager(chat, llm_config=False)
    print(chat.topic, chat == copy.copy(chat), attempt(lambda: hash(chat)), repr(manager.name))
    for value in (agent, other, chat, manager, LocalCommandLineCodeExecutor(), Mixed(1, b=2)):
        print(
            type(value).__name__,
            *(attempt(lambda way=way, value=value: way(value)) for way in (copy.copy, copy.deepcopy)),
        )
        print(attempt(lambda value=value: pickle.dumps(value)))
    twin = copy.deepcopy(agent)
    print(twin.generate_reply([{"role": "user", "content": CANARY}]), twin is agent, twin.name)
    for method in (agent.generate_reply, agent.initiate_chat, manager.run_chat):
        print(copy.deepcopy(method).__self__ is not None, method == method, method.__self__.name, method.__name__)
        print(attempt(lambda method=method: pickle.dumps(method)))
    for entry in (*agent._reply_func_list, *manager._reply_func_list):
        function = entry["reply_func"]
        print(function.__qualname__, type(function).__name__, function in {function}, entry["trigger"])
    print(manager._reply_func_list[0]["reply_func"] == autogen.GroupChatManager.run_chat)
    print(Mixed(1, b=2).counted, isinstance(Mixed(), CodeExecutor), isinstance(object(), CodeExecutor))
    print(attempt(CodeExecutor), attempt(lambda: Mixed().restart()))
    print(Silent().generate_reply(), Made("made", **QUIET).made_by, conversable_agent.functools.wraps.__name__)
    print(sorted(name for name in dir(conversable_agent.functools) if not name.startswith("_"))[:3])
    weird = type("Weird", (autogen.ConversableAgent,), {"generate_reply": lambda self, **kwargs: {"content": "dict"}})
    print(weird("weird", **QUIET).generate_reply(messages=[]), weird.__name__, weird.__module__)
    agent.generate_reply = lambda *args, **kwargs: "patched"
    print(other.initiate_chat(agent, message=CANARY, max_turns=1).summary)
    original = autogen.ConversableAgent.generate_reply
    autogen.ConversableAgent.generate_reply = lambda self, *args, **kwargs: "class patched"
    print(manager.generate_reply([]), other.generate_reply([]), Made("made", **QUIET).generate_reply([]))
    autogen.ConversableAgent.generate_reply = original


if __name__ == "__main__":
    main()
