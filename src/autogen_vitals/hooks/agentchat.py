"""AutoGen 0.4 … 0.7: autogen_agentchat, autogen_core and autogen_ext.

Roots only: every subclass, AutoGen's own and the user's, is covered through them. Paths are those of the defining
private modules, which have not moved since 0.4.0; importing the public packages imports them.
"""

from __future__ import annotations

from autogen_vitals import semconv
from autogen_vitals.hooks.tables import Argument, Component, Library, NativeSpans, Run
from autogen_vitals.vocabulary import CHAT, EXECUTE_CODE, EXECUTE_TOOL, INVOKE_AGENT, INVOKE_WORKFLOW

_AGENT_NAME = {semconv.GEN_AI_AGENT_NAME: "name"}
_TEAM_NAME = {semconv.GEN_AI_WORKFLOW_NAME: "name"}
_TOOL_NAME = {semconv.GEN_AI_TOOL_NAME: "name"}
_CALLED_TOOL_NAME = {semconv.GEN_AI_TOOL_NAME: Argument("name", 0)}
_MODEL = {semconv.GEN_AI_REQUEST_MODEL: "_create_args.model"}
_CREATE_RESULT = {
    semconv.GEN_AI_USAGE_INPUT_TOKENS: "usage.prompt_tokens",
    semconv.GEN_AI_USAGE_OUTPUT_TOKENS: "usage.completion_tokens",
    semconv.GEN_AI_RESPONSE_FINISH_REASONS: "finish_reason",
}
_EXECUTE = (Run("execute_code_blocks", EXECUTE_CODE, result={semconv.CODE_EXIT_CODE: "exit_code"}),)

AUTOGEN = Library(
    packages=("autogen_agentchat", "autogen_core", "autogen_ext"),
    components=(
        Component(
            "agent",
            "autogen_agentchat.agents._base_chat_agent:BaseChatAgent",
            runs=(
                Run("run", INVOKE_AGENT, _AGENT_NAME),
                Run("run_stream", INVOKE_AGENT, _AGENT_NAME),
                # What a team calls; run and run_stream never see a participant's work.
                Run("on_messages", INVOKE_AGENT, _AGENT_NAME),
                Run("on_messages_stream", INVOKE_AGENT, _AGENT_NAME),
            ),
            forgets=("on_reset", "load_state"),
        ),
        Component(
            "agent",
            "autogen_core._base_agent:BaseAgent",
            runs=(Run("on_message", INVOKE_AGENT, {semconv.GEN_AI_AGENT_NAME: "id.type"}),),
            name="id.type",
            # A team's managers and the containers of its participants: the team's and the participants' own spans
            # already tell their story.
            plumbing=("autogen_agentchat",),
        ),
        Component(
            "team",
            "autogen_agentchat.teams._group_chat._base_group_chat:BaseGroupChat",
            runs=(
                Run("run", INVOKE_WORKFLOW, _TEAM_NAME),
                Run("run_stream", INVOKE_WORKFLOW, _TEAM_NAME),
            ),
            starts=("_init",),
            forgets=("reset", "load_state"),
        ),
        Component(
            "model_client",
            "autogen_core.models._model_client:ChatCompletionClient",
            runs=(
                Run("create", CHAT, _MODEL, _CREATE_RESULT, cached="cached"),
                Run("create_stream", CHAT, _MODEL, _CREATE_RESULT, cached="cached"),
            ),
            restores=("__setstate__",),
            name="_create_args.model",
        ),
        Component(
            "tool",
            "autogen_core.tools._base:BaseTool",
            runs=(
                Run("run_json", EXECUTE_TOOL, _TOOL_NAME),
                Run("run_json_stream", EXECUTE_TOOL, _TOOL_NAME),
                Run("run", EXECUTE_TOOL, _TOOL_NAME),
                Run("run_stream", EXECUTE_TOOL, _TOOL_NAME),
            ),
        ),
        Component(
            "workbench",
            "autogen_core.tools._workbench:Workbench",
            runs=(
                Run("call_tool", EXECUTE_TOOL, _CALLED_TOOL_NAME, failed="is_error"),
                Run("call_tool_stream", EXECUTE_TOOL, _CALLED_TOOL_NAME, failed="is_error"),
            ),
            starts=("start",),
        ),
        # Its tools run in this process and are observed themselves; its start does nothing.
        Component("workbench", "autogen_core.tools._static_workbench:StaticWorkbench"),
        Component("code_executor", "autogen_core.code_executor._base:CodeExecutor", _EXECUTE, starts=("start",)),
        # Those that run code in a folder of this machine.
        *(
            Component("code_executor", f"autogen_ext.code_executors.{target}", _EXECUTE, ("start",), folder="_work_dir")
            for target in (
                "local:LocalCommandLineCodeExecutor",
                "docker._docker_code_executor:DockerCommandLineCodeExecutor",
            )
        ),
        Component("memory", "autogen_core.memory._base_memory:Memory"),
        # start() of this one only schedules its loop, once for each run of a team.
        Component("runtime", "autogen_core._single_threaded_agent_runtime:SingleThreadedAgentRuntime"),
        Component("runtime", "autogen_ext.runtimes.grpc._worker_runtime:GrpcWorkerAgentRuntime", starts=("start",)),
        Component(
            "runtime",
            "autogen_ext.runtimes.grpc._worker_runtime_host:GrpcWorkerAgentRuntimeHost",
            starts=("start",),
        ),
    ),
    providers={
        "BaseOpenAIChatCompletionClient": "openai",
        "AzureOpenAIChatCompletionClient": "azure.ai.openai",
        "BaseAnthropicChatCompletionClient": "anthropic",
        "AnthropicBedrockChatCompletionClient": "aws.bedrock",
        "BaseOllamaChatCompletionClient": "ollama",
        "AzureAIChatCompletionClient": "azure.ai.inference",
    },
    model_sdks={
        "openai": "openai.resources.chat.completions:AsyncCompletions.create",
        "azure.ai.openai": "openai.resources.chat.completions:AsyncCompletions.create",
        "anthropic": "anthropic.resources.messages:AsyncMessages.create",
        "aws.bedrock": "anthropic.resources.messages:AsyncMessages.create",
    },
    native=NativeSpans(
        scopes=("autogen-core", "base_tool", "autogen SingleThreadedAgentRuntime", "autogen Worker Runtime"),
        tracing=(
            # From 0.6.2 on: agents and tools.
            "autogen_core._telemetry._genai:trace",
            # Before: tools only, with their arguments.
            "autogen_core.tools._base:get_tracer",
        ),
        messaging="autogen_core._telemetry._tracing:TraceHelper.trace_block",
        envelope_context="autogen_core._telemetry._propagation:get_telemetry_context",
        publishing="autogen_ext.runtimes.grpc._worker_runtime:HostConnection.send",
    ),
)
