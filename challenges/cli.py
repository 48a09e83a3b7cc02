"""The command line: one command a stage of the main job, and the demo that runs them all."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from brokerbench import __version__
from brokerbench.errors import BrokerbenchError
from challenges.commands import demo, publishing, runs, scores, streams, submissions
from challenges.commands.alerts import alerts
from challenges.commands.kafka import kafka
from challenges.commands.publishing import truth
from challenges.options import out_console, say

app = typer.Typer(
    name="brokerbench",
    help="Mock survey alert streams, reference brokers and scored challenges.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _module in (demo, runs, streams, scores, submissions, publishing):
    for _name, _command in _module.COMMANDS.items():
        app.command(_name)(_command)
app.add_typer(alerts, name="alerts")
app.add_typer(kafka, name="kafka")
app.add_typer(truth, name="truth")


def main() -> None:
    """Run the command line; an error for people is one line on stderr and exit code 2."""
    raise SystemExit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The exit code of one command line: 0, 1 where a check fails, 2 for an error of the user's."""
    try:
        return int(app(arguments, standalone_mode=False) or 0)  # an exit code, where a command gives one
    except BrokerbenchError as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        return _complain("interrupted; the same command goes on where it was", code=130)
    except OSError as error:
        where = error.filename or "system"
        return _complain(f"{where}: expected to read or write, got {error.strerror or error}")
    except Exception as error:
        if hasattr(error, "format_message"):  # typer's own errors: a wrong option, a missing argument
            return _complain(f"{error.format_message()}; see brokerbench --help")
        raise


def _complain(message: str, *, code: int = 2) -> int:
    print("brokerbench:", " ".join(message.split()), file=sys.stderr)
    return code


@app.callback(invoke_without_command=True)
def about(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Mock survey alert streams, reference brokers and scored challenges."""
    if version:
        say(f"brokerbench {__version__}")
    elif context.invoked_subcommand is None:
        out_console.print(context.get_help())


if __name__ == "__main__":
    main()
