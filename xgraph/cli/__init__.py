"""The `xgraph` command. Nothing heavy is imported before a command needs it, so that help appears at once."""

import errno
import faulthandler
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout

from xgraph.messages import legible

__all__ = ["main"]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_INTERRUPTED = 130
_USER_ERRORS = (ValueError, IndexError, TypeError, OSError, MemoryError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0 when done, 1 if it failed, and 2 for wrong usage.

    If a signal stops it, the code is that of a shell: 130 for Ctrl-C, 143 for SIGTERM.
    """
    _open_missing_streams()
    _show_crashes()
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words  # wherever it stands, before or after the command's name
    words = [word for word in words if word != "--debug"]
    show = warnings.showwarning
    if not debug:
        warnings.showwarning = _show_warning
    rest = ExitStack()
    from xgraph.signals import asked, exit_code, handled

    try:
        with handled():
            from xgraph.cli.startup import let_threads_sleep
            from xgraph.distributed.environment import place

            let_threads_sleep()
            if words[:1] == ["train"] and (here := place()) is not None:
                os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # no advice on torch's distributed training
                if here.rank > 0:
                    rest.enter_context(_silent())  # the first process speaks for all
            from xgraph.cli.app import app

            app(args=words, prog_name="xgraph")
    except SystemExit as done:
        if done.code == _INTERRUPTED:  # typer's answer to any signal
            return exit_code(asked() or signal.SIGINT)
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except BrokenPipeError:
        # The reader of our output has closed the pipe; writing more, even at exit, would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:  # before typer was there to answer it
        return exit_code(asked() or signal.SIGINT)
    except Exception as error:
        if debug:
            raise
        from xgraph.options import OptionError

        rest.close()
        _complain(error)
        return 2 if isinstance(error, OptionError) else 1
    finally:
        rest.close()
        warnings.showwarning = show
    return 0


@contextmanager
def _silent() -> Iterator[None]:
    """Write nothing to the standard streams."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def _complain(error: Exception) -> None:
    from xgraph.options import RunError

    text = str(error)
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        text = f"{error.filename}: {error.strerror}{_remedy(error)}"
    elif isinstance(error, OSError) and error.errno in _FULL and text.startswith("[Errno"):
        text = f"cannot write the output: {error.strerror}; free some space, or write to another place"
    elif _is_lack_of_memory(error):
        why = f" ({text.splitlines()[0][:160]})" if text else ""
        text = f"not enough memory{why}; try a smaller batch or model"
    elif not isinstance(error, (*_USER_ERRORS, RunError)):
        text = f"unexpected {type(error).__name__}: {text} (--debug shows the traceback)"
    sys.stderr.write(f"error: {legible(text) or type(error).__name__}\n")


def _remedy(error: OSError) -> str:
    """Return what to do about a data root of another user."""
    if error.errno not in (errno.EACCES, errno.EPERM):
        return ""
    from xgraph.data.storage.root import root

    here = str(root())
    inside = str(error.filename).startswith((here, os.path.abspath(here)))
    return "; set XGRAPH_ROOT to a folder that you can read and write" if inside else ""


def _is_lack_of_memory(error: Exception) -> bool:
    """Whether this is a MemoryError or one of torch's, which are RuntimeErrors."""
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(w in str(error) for w in words))


def _open_missing_streams() -> None:
    """Replace streams that the caller closed (`>&-`, a service), so that writing to them is no error."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (for as long as the process)


def _show_crashes() -> None:
    """Say where a crash of the process itself came from, such as SIGBUS for a mapped file that was cut meanwhile."""
    try:
        descriptor = sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):  # replaced by an object without a file
        return
    if not faulthandler.is_enabled():
        faulthandler.enable(descriptor, all_threads=False)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: str | None = None,
) -> None:
    sys.stderr.write(f"warning: {legible(str(message))}\n")
