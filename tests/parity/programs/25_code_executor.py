"""Code executors: a local command line, its warnings, its failures, and the agent that uses it."""

import asyncio
import os
import tempfile
import warnings
from pathlib import Path

from autogen_agentchat.agents import CodeExecutorAgent
from autogen_agentchat.messages import TextMessage
from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock
from autogen_ext.code_executors.local import LocalCommandLineCodeExecutor
from autogen_ext.tools.code_execution import PythonCodeExecutionTool

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


def where(caught: list[warnings.WarningMessage]) -> list[tuple[str, str, str]]:
    """What was warned and on which line of which file, deprecations of the interpreter aside."""
    return [
        (warning.category.__name__, f"{os.path.basename(warning.filename)}:{warning.lineno}", str(warning.message)[:40])
        for warning in caught
        if issubclass(warning.category, (UserWarning, DeprecationWarning))
    ]


async def main() -> None:
    with tempfile.TemporaryDirectory() as work_dir, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        executor = LocalCommandLineCodeExecutor(timeout=1, work_dir=work_dir)
        if hasattr(executor, "start"):
            await executor.start()
        for code, language in (
            (f"print('Hello, World! {CANARY}')", "python"),
            ("echo from the shell; exit 3", "sh"),
            ("import sys; sys.exit('no')", "python"),
            ("exec sleep 9", "sh"),
            ("1 + 1", "klingon"),
        ):
            result = await executor.execute_code_blocks([CodeBlock(code=code, language=language)], CancellationToken())
            print(type(result).__name__, result.exit_code, repr(result.output.strip()), bool(result.code_file))

        agent = CodeExecutorAgent("code_executor", code_executor=executor)
        task = TextMessage(
            content=f"Here is some code\n```python\nprint('Hello from the agent {CANARY}')\n```\n", source="user"
        )
        response = await agent.on_messages([task], CancellationToken())
        print(response.chat_message.source, response.chat_message.content)
        result = await agent.run(task="No code here.")
        print(result.messages[-1].content)

        tool = PythonCodeExecutionTool(executor)
        result = await tool.run_json({"code": f"print('{CANARY}'[::-1])"}, CancellationToken())
        print(type(result).__name__, result.success, result.output.strip())

        if hasattr(executor, "stop"):
            await executor.stop()
        for broken in ({"timeout": 0}, {"functions_module": "not a name"}):
            try:
                LocalCommandLineCodeExecutor(work_dir=Path(work_dir), **broken)
            except ValueError as error:
                print(type(error).__name__, error)
    for line in where(caught):
        print(*line)


if __name__ == "__main__":
    asyncio.run(main())
