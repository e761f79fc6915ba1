#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_includes.sh [ROOT]: every #include of the tree against include_table.txt beside this script.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/../..}"
sources=$(find . \( -path './build*' -o -name '.?*' -o -path ./shared \) -prune -o \
  \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' -o -name '*.cpp.in' \) -print |
  sed 's,^[.]/,,' | sort)
if [ -z "$sources" ]; then
  echo "no sources below $PWD" >&2
  exit 1
fi
# No file of the tree has a blank in its name.
# shellcheck disable=SC2086
awk -v table="$here/include_table.txt" -f "$here/check_includes.awk" \
  "$here/include_table.txt" $sources
