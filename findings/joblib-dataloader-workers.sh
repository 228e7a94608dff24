#!/usr/bin/env bash
# joblib 1.6.0 and torch 2.13.0: a DataLoader with workers, within a process of joblib.
#
# Guess: a process of joblib's default backend is a process like any other, so a DataLoader in it
# starts its workers by the default of the system (fork on Linux before Python 3.14).
# Behaviour: loky makes its own start method the default of multiprocessing in its processes, and its
# Process needs an attribute `env` that the Process which torch makes by the default context does not
# have. The loader fails unless it is given `multiprocessing_context`, such as "fork".
#
# Seen:
#   default context: AttributeError: 'Process' object has no attribute 'env'
#   context fork: [0, 1, 2, 3]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q joblib==1.6.0 torch==2.13.0 numpy==2.4.6
cat >"$folder/run.py" <<'PYTHON'
import warnings

from joblib import Parallel, delayed


def load(context):
    from torch.utils.data import DataLoader

    warnings.simplefilter("ignore")
    loader = DataLoader(range(4), batch_size=None, num_workers=1, multiprocessing_context=context)
    try:
        return str([int(item) for item in loader])
    except Exception as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    default, fork = Parallel(n_jobs=2)(delayed(load)(context) for context in (None, "fork"))
    print(f"default context: {default}")
    print(f"context fork: {fork}")
    expected = "AttributeError: 'Process' object has no attribute 'env'"
    raise SystemExit((default, fork) != (expected, "[0, 1, 2, 3]"))
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/run.py"
