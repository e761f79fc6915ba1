// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/backend/cuda/groups.cuh"
#include "core/backend/cuda/launch.cuh"
#include "core/backend/layer_ops.h"

namespace bertyard {

// LayerNorm of the rows of a source, one warp a row. A source gives groups of the sum z that is
// normalised: `load(z, row, group, present)`. Bound by bytes: with kGroups a lane keeps its part of
// z in registers (rows up to 256 kGroups), so that everything is read and written once; with 0 it
// loads z three times.
template <typename T>
struct NormOutput {
  T* y;
  T* normalised;
  float* rstd;
  const float *gamma, *beta;
  std::int64_t rows;
  int columns;
  float epsilon;
  DropoutDraws dropout;  // of y
  Access access;
};

constexpr int kNormWarps = 4;

template <typename T, typename Source, int kGroups>
__global__ void __launch_bounds__(kNormWarps* kWarpSize)
    norm_kernel(const Source source, const NormOutput<T> out) {
  const std::int64_t row =
      static_cast<std::int64_t>(blockIdx.x) * kNormWarps + threadIdx.x / kWarpSize;
  if (row >= out.rows) return;
  const int lane = static_cast<int>(threadIdx.x % kWarpSize);
  const int groups = kGroups > 0 ? kGroups : (out.columns + 255) / 256;
  const auto n = static_cast<float>(out.columns);
  float kept[kGroups > 0 ? kGroups : 1][kGroup];
  const auto present = [&](int k) { return present_in_group(lane + k * kWarpSize, out.columns); };

  float sum = 0;
#pragma unroll
  for (int k = 0; k < groups; ++k) {
    float(&z)[kGroup] = kept[kGroups > 0 ? k : 0];
    if (present(k) == 0) continue;
    source.load(z, row, lane + k * kWarpSize, present(k));
#pragma unroll
    for (int i = 0; i < kGroup; ++i) sum += i < present(k) ? z[i] : 0.0f;
  }
  float mean = warp_sum(sum) / n;

  float rest = 0, squares = 0;
#pragma unroll
  for (int k = 0; k < groups; ++k) {
    float(&z)[kGroup] = kept[kGroups > 0 ? k : 0];
    if (present(k) == 0) continue;
    if (kGroups == 0) source.load(z, row, lane + k * kWarpSize, present(k));
#pragma unroll
    for (int i = 0; i < kGroup; ++i) {
      const float centred = i < present(k) ? z[i] - mean : 0.0f;
      rest += centred;
      squares += centred * centred;
    }
  }
  const float rstd = norm_rstd(mean, warp_sum(rest), warp_sum(squares), n, out.epsilon);
  if (lane == 0) out.rstd[row] = rstd;

#pragma unroll
  for (int k = 0; k < groups; ++k) {
    float(&z)[kGroup] = kept[kGroups > 0 ? k : 0];
    if (present(k) == 0) continue;
    const int group = lane + k * kWarpSize;
    if (kGroups == 0) source.load(z, row, group, present(k));
    float gamma[kGroup], beta[kGroup], y[kGroup];
    load_group(gamma, out.gamma + group * kGroup, present(k), out.access);
    load_group(beta, out.beta + group * kGroup, present(k), out.access);
#pragma unroll
    for (int i = 0; i < kGroup; ++i) {
      z[i] = (z[i] - mean) * rstd;
      y[i] = z[i] * gamma[i] + beta[i];
    }
    if (out.dropout.threshold != 0) apply_dropout(y, out.dropout, row, group);
    const std::int64_t at = row * out.columns + group * kGroup;
    store_group(out.normalised + at, z, present(k), out.access);
    store_group(out.y + at, y, present(k), out.access);
  }
}

template <typename T, typename Source>
void launch_norm(const char* name, const Source& source, const NormOutput<T>& out,
                 cudaStream_t stream) {
  if (out.rows == 0) return;
  const LaunchShape shape{
      .grid = dim3(static_cast<unsigned>((out.rows + kNormWarps - 1) / kNormWarps)),
      .block = dim3(kNormWarps * kWarpSize),
      .stream = stream};
  const int groups = (out.columns + 255) / 256;
  if (groups <= 1) return launch(name, norm_kernel<T, Source, 1>, shape, source, out);
  if (groups <= 3) return launch(name, norm_kernel<T, Source, 3>, shape, source, out);
  if (groups <= 4) return launch(name, norm_kernel<T, Source, 4>, shape, source, out);
  launch(name, norm_kernel<T, Source, 0>, shape, source, out);
}

}  // namespace bertyard
