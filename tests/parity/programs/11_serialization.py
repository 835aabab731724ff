"""Serializing components: agents, teams and a user's own component go to JSON and come back."""

import asyncio
import json

from autogen_agentchat.agents import AssistantAgent, UserProxyAgent
from autogen_agentchat.base import ChatAgent, Team
from autogen_agentchat.conditions import MaxMessageTermination, TextMentionTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import Component, ComponentBase, ComponentLoader, is_component_class, is_component_instance
from autogen_core.models import ChatCompletionClient, ModelInfo
from autogen_core.tools import FunctionTool
from autogen_ext.models.replay import ReplayChatCompletionClient
from pydantic import BaseModel, SecretStr

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"
MODEL_INFO = ModelInfo(vision=False, function_calling=True, json_output=True, family="unknown", structured_output=True)


class Config(BaseModel):
    value: str
    secret: SecretStr


class MyComponent(ComponentBase[Config], Component[Config]):
    component_type = "custom"
    component_config_schema = Config

    def __init__(self, value: str, secret: str) -> None:
        self.value = value
        self.secret = secret

    def _to_config(self) -> Config:
        return Config(value=self.value, secret=SecretStr(self.secret))

    @classmethod
    def _from_config(cls, config: Config) -> "MyComponent":
        return cls(value=config.value, secret=config.secret.get_secret_value())


class Unfinished(AssistantAgent):
    """A subclass that inherits the provider of its parent."""


def add(a: int, b: int = 2) -> int:
    """Add two numbers."""
    return a + b


async def main() -> None:
    client = ReplayChatCompletionClient([f"Hello. {CANARY}", "Done. TERMINATE"], MODEL_INFO)
    team = RoundRobinGroupChat(
        [
            AssistantAgent("assistant", client, handoffs=["user_proxy"], system_message=f"Help. {CANARY}"),
            UserProxyAgent("user_proxy"),
        ],
        termination_condition=MaxMessageTermination(4) | TextMentionTermination("TERMINATE"),
    )
    for component in (client, team):
        print(json.dumps(component.dump_component().model_dump(exclude={"id"}), indent=1, sort_keys=True))

    try:
        AssistantAgent("assistant", ReplayChatCompletionClient([]), handoffs=["user_proxy"], tools=[add])
    except ValueError as error:
        print(type(error).__name__, error)

    restored = Team.load_component(RoundRobinGroupChat([AssistantAgent("assistant", client)]).dump_component())
    print(type(restored).__name__, isinstance(restored, RoundRobinGroupChat), is_component_instance(restored))
    agent = ChatAgent.load_component(AssistantAgent("again", client).dump_component())
    print((await agent.run(task=f"Hi. {CANARY}")).messages[-1].content)
    loaded = ChatCompletionClient.load_component(client.dump_component(), ReplayChatCompletionClient)
    print(type(loaded).__name__, loaded.model_info)

    tool = FunctionTool(add, description="Adds.")
    print(tool.dump_component().config, is_component_class(FunctionTool), is_component_class(dict))

    config = MyComponent("value", CANARY).dump_component()
    print(config.provider.rsplit(".", 1)[-1], config.config["value"], "secret kept:", CANARY in str(config.config))
    print(Unfinished("child", client).dump_component().provider)
    print(Unfinished.component_provider_override, type(Unfinished("child", client)).__name__)

    for broken in (
        {"provider": "autogen_agentchat.agents.NoSuchAgent", "component_type": "agent", "version": 1, "config": {}},
        {"provider": "autogen_agentchat.agents.AssistantAgent", "component_type": "agent", "version": 2, "config": {}},
        {"provider": "builtins.dict", "component_type": "agent", "version": 1, "config": {}},
    ):
        try:
            ComponentLoader.load_component(broken, ChatAgent)
        except Exception as error:
            print(type(error).__name__, str(error).splitlines()[0])
    try:
        ChatAgent.load_component(client.dump_component())
    except Exception as error:
        print(type(error).__name__, str(error).splitlines()[0])


if __name__ == "__main__":
    asyncio.run(main())
