// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "core/backend/cpu/cpu_layer_ops.h"
#include "core/backend/cpu/float_rows.h"

namespace bertyard {

// The backward of a LayerNorm over many rows, for add_norm and for the embedding.
struct CpuLayerOps::NormBackwardRows {
  std::string_view operation;
  std::int64_t rows = 0, columns = 0;
  WritableFloatRows dx;
  WritableFloatRows dresidual;  // of an absent view where there is none
  FloatRows dy, normalised;
  RowScratch scratch;
  const float *rstd = nullptr, *gamma = nullptr;
  const DropoutRows* input_dropout = nullptr;   // before the norm; null: none
  const DropoutRows* output_dropout = nullptr;  // after it
};

// [T, H] is `shape`, `type` that of the activations.
void check_norm(std::string_view operation, const NormParameters& norm, const NormSaved& saved,
                DType type, const Shape& shape);
void check_norm_gradients(std::string_view operation, const NormGradients& dnorm,
                          std::int64_t columns);

}  // namespace bertyard
