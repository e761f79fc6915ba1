#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#   cmake/lint.sh                     clang-format: what is not as .clang-format says (seconds)
#   cmake/lint.sh --fix               the same, put right
#   cmake/lint.sh --tidy [FOLDER...]  clang-tidy as .clang-tidy says (a quarter minute of processor a file)
# BERTYARD_PRESET names the build whose compile_commands.json clang-tidy reads (default: ci).
# Another version than 14 formats otherwise. Exit code 77: the program is not there.
set -euo pipefail
cd "$(dirname "$0")/.."

find_program() { # NAME PACKAGE
  if command -v "$1-14" >/dev/null; then echo "$1-14"; return; fi
  if command -v "$1" >/dev/null && "$1" --version | grep -q 'version 14\.'; then
    echo "$1"
    return
  fi
  echo "lint: $1 14 is not installed (Debian: $2); nothing was checked" >&2
  exit 77
}

tidy() {
  local program commands="build/${BERTYARD_PRESET:-ci}"
  program=$(find_program clang-tidy clang-tidy-14)
  if [ ! -f "$commands/compile_commands.json" ]; then
    echo "lint: no $commands/compile_commands.json; build first: cmake --preset" \
      "${BERTYARD_PRESET:-ci} && cmake --build --preset ${BERTYARD_PRESET:-ci}" >&2
    exit 2
  fi
  if [ $# -eq 0 ]; then set -- core parallel data train launch tests; fi
  find "$@" -name '*.cpp' ! -path 'tests/structure/*' -print0 | sort -z |
    xargs -0 -n 1 -P "$(nproc)" "$program" -p "$commands" --quiet \
      --extra-arg=-Wno-unused-command-line-argument
}

case ${1:-} in
  --tidy) shift; tidy "$@"; exit ;;
  --fix) mode=(-i) ;;
  '') mode=(--dry-run -Werror) ;;
  *) echo "lint: expected --tidy, --fix or nothing, found '$1'" >&2; exit 2 ;;
esac
program=$(find_program clang-format clang-format-14)
find core parallel data train launch tests bench \( -name '*.h' -o -name '*.cpp' -o -name '*.cu*' \) \
  -print0 | xargs -0 "$program" "${mode[@]}"
