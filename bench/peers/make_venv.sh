#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A virtual environment with PyTorch and transformers for comparisons on a CPU, never needed to build,
# test or train.
#   bench/peers/make_venv.sh DIR    then DIR/bin/python is what BERTYARD_PEER_PYTHON names
# PyPI's wheel of torch for Linux is the CUDA one and links libraries that a CPU never calls but that
# the loader wants: torch is installed without its dependencies, then what it needs in Python, then
# only those libraries that this machine lacks. PYTHON chooses the interpreter, TORCH a version.
# (pip then complains about the dependencies that were left out.)
set -euo pipefail
directory=${1:?usage: bench/peers/make_venv.sh DIR}

"${PYTHON:-python3}" -m venv "$directory"
pip=("$directory/bin/python" -m pip --disable-pip-version-check install --quiet)
"${pip[@]}" --upgrade 'setuptools>=77'
"${pip[@]}" --no-deps "torch${TORCH:+==$TORCH}"
"${pip[@]}" filelock typing-extensions sympy networkx jinja2 fsspec numpy
"${pip[@]}" transformers tokenizers safetensors h5py

# libNAME.so.N -> the package on PyPI that holds it.
package_of() {
  case $1 in
    libcublas*) echo nvidia-cublas ;;
    libcudart*) echo nvidia-cuda-runtime ;;
    libcudnn*) echo nvidia-cudnn-cu13 ;;
    libcufft*) echo nvidia-cufft ;;
    libcufile*) echo nvidia-cufile ;;
    libcupti*) echo nvidia-cuda-cupti ;;
    libcurand*) echo nvidia-curand ;;
    libcusolver*) echo nvidia-cusolver ;;
    libcusparseLt*) echo nvidia-cusparselt-cu13 ;;
    libcusparse*) echo nvidia-cusparse ;;
    libnccl*) echo nvidia-nccl-cu13 ;;
    libnvJitLink*) echo nvidia-nvjitlink ;;
    libnvrtc*) echo nvidia-cuda-nvrtc ;;
    libnvshmem*) echo nvidia-nvshmem-cu13 ;;
    libnvToolsExt* | libnvtx*) echo nvidia-nvtx ;;
    *) return 1 ;;
  esac
}

libraries=$("$directory/bin/python" -c \
  'import importlib.util as u; print(u.find_spec("torch").submodule_search_locations[0] + "/lib")')
missing_packages() {
  find "$libraries" "$libraries/../../nvidia" -name '*.so*' -exec ldd {} + 2>/dev/null |
    awk '/not found/ {print $1}' | sort -u |
    while read -r library; do package_of "$library" || true; done | sort -u
}
# The version that torch names for a package, if it names one.
pinned() {
  "$directory/bin/python" - "$1" <<'PYTHON'
import importlib.metadata, re, sys
names = [re.match(r"[\w.-]+(==[\w.]+)?", text)[0] for text in importlib.metadata.requires("torch")]
print(next((name for name in names if name.split("==")[0] == sys.argv[1]), sys.argv[1]))
PYTHON
}
install() { for package in "$@"; do "${pip[@]}" --no-deps "$(pinned "$package")"; done; }

for _ in 1 2 3; do # a library that was installed may want another one
  packages=$(missing_packages || true)
  [ -n "$packages" ] || break
  echo "the loader wants, beyond what this machine has:" $packages
  # shellcheck disable=SC2086 # one word each
  install $packages
done
# A library of this machine may be too old for the wheel.
for _ in 1 2 3; do
  why=$("$directory/bin/python" -c 'import torch' 2>&1) && break
  case $why in
    *"undefined symbol: nccl"*) install nvidia-nccl-cu13 ;;
    *"undefined symbol: cudnn"*) install nvidia-cudnn-cu13 ;;
    *"undefined symbol: cublas"*) install nvidia-cublas ;;
    *) echo "$why" >&2; exit 1 ;;
  esac
done

"$directory/bin/python" - <<'PYTHON'
import torch, transformers
print(f"torch {torch.__version__}, transformers {transformers.__version__}, {torch.get_num_threads()} threads")
print(torch.__config__.show())
PYTHON
