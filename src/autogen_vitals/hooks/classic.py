"""Classic AutoGen, imported as ``autogen``: Microsoft's 0.2 and AG2's 0.3 … 0.14.

Synchronous at heart: its calls are the runs, and what is asynchronous is called the same with an ``a_`` before it.
Reply functions (``generate_oai_reply``, ``run_chat`` and their like) have no row: AutoGen keeps them as values, in each
agent's list of replies, and compares and copies them. Whatever they do is done inside a ``generate_reply``.
"""

from __future__ import annotations

from autogen_vitals import semconv
from autogen_vitals.hooks.tables import Argument, Component, Handover, Library, NativeSpans, Run
from autogen_vitals.vocabulary import CHAT, EXECUTE_CODE, EXECUTE_TOOL, INVOKE_AGENT, INVOKE_WORKFLOW

_AGENT = "autogen.agentchat.conversable_agent:ConversableAgent"

_AGENT_NAME = {semconv.GEN_AI_AGENT_NAME: "name"}
_TEAM_NAME = {semconv.GEN_AI_WORKFLOW_NAME: "name"}
_TOOL_NAME = {semconv.GEN_AI_TOOL_NAME: Argument("func_call", 0, "name")}

# A chat is the run of whom it is begun with, of a group chat's manager say, and its reply is then the same run seen
# twice. To keep two agents talking is a team's work too, though there is no object for it.
_RECIPIENT = Argument("recipient", 0)
_CHATS = (
    Run("initiate_chat", INVOKE_WORKFLOW, _TEAM_NAME, is_synchronous=True, of=_RECIPIENT, kind="team"),
    Run("a_initiate_chat", INVOKE_WORKFLOW, _TEAM_NAME, of=_RECIPIENT, kind="team"),
    # One chat after another, or all at once.
    Run("initiate_chats", INVOKE_WORKFLOW, _TEAM_NAME, is_synchronous=True, kind="team"),
    Run("a_initiate_chats", INVOKE_WORKFLOW, _TEAM_NAME, kind="team"),
)
# An executor answers an object, the agent itself a tuple.
_EXIT_CODE = {semconv.CODE_EXIT_CODE: ("exit_code", "0")}
# What a tool or code raises is told in the reply. The agent runs both: they are no objects of their own.
_TOOLS_AND_CODE = (
    Run("execute_function", EXECUTE_TOOL, _TOOL_NAME, succeeded="0", is_synchronous=True, kind="tool"),
    Run("a_execute_function", EXECUTE_TOOL, _TOOL_NAME, succeeded="0", kind="tool"),
    Run("execute_code_blocks", EXECUTE_CODE, result=_EXIT_CODE, is_synchronous=True, kind="code_executor"),
)
_EXECUTE = (Run("execute_code_blocks", EXECUTE_CODE, result=_EXIT_CODE, is_synchronous=True),)
_FOLDER = "_code_execution_config.work_dir"
"""Of an agent that runs code itself, without an executor."""

CLASSIC = Library(
    packages=("autogen",),
    components=(
        Component(
            "agent",
            _AGENT,
            runs=(
                Run("generate_reply", INVOKE_AGENT, _AGENT_NAME, is_synchronous=True),
                Run("a_generate_reply", INVOKE_AGENT, _AGENT_NAME),
                *_CHATS,
                *_TOOLS_AND_CODE,
            ),
            folder=_FOLDER,
        ),
        Component(
            "team",
            "autogen.agentchat.groupchat:GroupChatManager",
            runs=(
                Run("generate_reply", INVOKE_WORKFLOW, _TEAM_NAME, is_synchronous=True),
                Run("a_generate_reply", INVOKE_WORKFLOW, _TEAM_NAME),
                *_CHATS,
                *_TOOLS_AND_CODE,
            ),
            refines=_AGENT,
            folder=_FOLDER,
        ),
        # A dataclass, and so may its subclasses be: they have their constructor only after they were made.
        Component("team", "autogen.agentchat.groupchat:GroupChat", builds=("__post_init__",)),
        Component(
            "model_client",
            "autogen.oai.client:OpenAIWrapper",
            runs=(
                Run(
                    "create",
                    CHAT,
                    # What the configuration says goes before the argument.
                    {semconv.GEN_AI_REQUEST_MODEL: ("_config_list.0.model", Argument("model", 0))},
                    {
                        semconv.GEN_AI_USAGE_INPUT_TOKENS: "usage.prompt_tokens",
                        semconv.GEN_AI_USAGE_OUTPUT_TOKENS: "usage.completion_tokens",
                        semconv.GEN_AI_RESPONSE_FINISH_REASONS: ("choices.0.finish_reason", "finish_reason"),
                    },
                    is_synchronous=True,
                ),
            ),
            name="_config_list.0.model",
            provider="_config_list.0.api_type",
        ),
        # AG2 from 0.6 on; before, and with Microsoft, a tool is a function.
        Component("tool", "autogen.tools.tool:Tool"),
        Component("code_executor", "autogen.coding.base:CodeExecutor", runs=_EXECUTE),
        # Those that run code in a folder of this machine.
        *(
            Component("code_executor", f"autogen.coding.{target}", _EXECUTE, folder="_work_dir")
            for target in (
                "local_commandline_code_executor:LocalCommandLineCodeExecutor",
                "docker_commandline_code_executor:DockerCommandLineCodeExecutor",
            )
        ),
        # These two are executors by what they can do, not by descent.
        Component(
            "code_executor",
            "autogen.coding.jupyter.embedded_ipython_code_executor:EmbeddedIPythonCodeExecutor",
            _EXECUTE,
        ),
        Component("code_executor", "autogen.coding.daytona_code_executor:DaytonaCodeExecutor", _EXECUTE),
    ),
    # By the api_type of the first configuration, which every client begins with.
    providers={
        "OpenAIWrapper": "openai",
        "azure": "azure.ai.openai",
        "anthropic": "anthropic",
        "anthropic_v2": "anthropic",
        "bedrock": "aws.bedrock",
        "bedrock_v2": "aws.bedrock",
        "cerebras": "cerebras",
        "cohere": "cohere",
        "deepseek": "deepseek",
        "google": "gcp.gen_ai",
        "google_vertex": "gcp.vertex_ai",
        "groq": "groq",
        "mistral": "mistral_ai",
        "ollama": "ollama",
        "together": "together",
    },
    model_sdks={
        "openai": "openai.resources.chat.completions:Completions.create",
        "azure.ai.openai": "openai.resources.chat.completions:Completions.create",
        "anthropic": "anthropic.resources.messages:Messages.create",
    },
    # AG2 from 0.11 on makes spans, messages in them, for agents that the app has had it instrument.
    native=NativeSpans(
        scopes=("opentelemetry.instrumentation.ag2",),
        tracing=tuple(
            f"autogen.opentelemetry.instrumentators.{module}:get_tracer"
            for module in ("agent", "llm_wrapper", "pattern", "a2a")
        ),
    ),
    caches=(
        "autogen.cache.disk_cache:DiskCache.get",
        "autogen.cache.in_memory_cache:InMemoryCache.get",
        "autogen.cache.redis_cache:RedisCache.get",
        "autogen.cache.cosmos_db_cache:CosmosDBCache.get",
    ),
    handovers=(
        # run() and its like return while the chat goes on.
        Handover("autogen.agentchat.conversable_agent:threading", "Thread", Argument("target", 1)),
        Handover("autogen.agentchat.group.multi_agent_chat:threading", "Thread", Argument("target", 1)),
        # An asynchronous agent asks its model in a thread of the loop's; it makes a partial for nothing else but that.
        Handover("autogen.agentchat.conversable_agent:functools", "partial", Argument("func", 0)),
    ),
)
