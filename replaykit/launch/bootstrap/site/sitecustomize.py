"""Found first on PYTHONPATH by every Python below `replaykit record -- CMD`: steps aside, then begins the run.

The sitecustomize that this one hides is imported in its place, and where there is none, the import fails as it would
have failed. Plain old syntax: any Python may come along here.
"""

import os
import sys

_FOLDER = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - nothing is imported before it is needed


def _begin() -> None:
    plan = os.environ.get("REPLAYKIT_BOOTSTRAP")
    if not plan or not os.path.isdir(plan):  # noqa: PTH112
        return  # the recording has ended; this process outlived it
    try:
        from replaykit.launch.bootstrap import child
    except Exception as error:  # a Python without replaykit, or with one that does not work: the command must run
        _explain(plan, error)
        return
    child.begin(plan)


def _explain(plan: str, error: Exception) -> None:
    is_replay = os.path.exists(os.path.join(plan, "replay"))  # noqa: PTH110, PTH118
    what = "it is not replayed, so it may not run" if is_replay else "it runs, but is not recorded"
    sys.stderr.write("replaykit can't be imported by %s (%s): %s\n" % (sys.executable, error, what))  # noqa: UP031
    try:
        with open(os.path.join(plan, "foreign"), "w") as file:  # noqa: PTH118, PTH123
            file.write(sys.executable)
    except OSError:
        pass  # the parent will not know what to advise
    if is_replay:
        sys.stderr.flush()
        os._exit(2)


sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != _FOLDER]  # noqa: PTH100
sys.path_importer_cache.pop(_FOLDER, None)
del sys.modules[__name__]
try:
    __import__("sitecustomize")  # the one that was hidden
finally:
    _begin()
