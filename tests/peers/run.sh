#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a comparison with a peer where there is one; exit code 77 tells ctest that it was skipped.
#   run.sh PYTHON SCRIPT ARGUMENT...    BERTYARD_PEER_PYTHON of the environment overrides PYTHON
python=${BERTYARD_PEER_PYTHON:-$1}
shift
if [ -z "$python" ]; then
  echo "skipped: set BERTYARD_PEER_PYTHON to an interpreter with torch and transformers," \
    "such as bench/peers/make_venv.sh makes"
  exit 77
fi
exec "$python" "$@"
