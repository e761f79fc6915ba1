// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/backend/layer_ops.h"
#include "core/backend/row_math.h"
#include "core/backend/tensor_checks.h"

namespace bertyard {

// Each throws Error as those of core/backend/tensor_checks.h do.
// f32, bf16 or f16: of `type`, which is that of the operation's others.
void check_activations(Argument argument, const ConstTensorView& found, DType type,
                       const Shape& shape);
void check_optional_activations(Argument argument, const ConstTensorView& found, DType type,
                                const Shape& shape);
void check_index(Argument argument, const ConstTensorView& found, std::int64_t count);
void check_norm_tensors(std::string_view operation, const NormParameters& norm,
                        const NormSaved& saved, DType type, const Shape& shape);
void check_norm_gradient_tensors(std::string_view operation, const NormGradients& dnorm,
                                 std::int64_t columns);

// A Dropout as kernels take it; checks that sample and position fit `rows`, and the probability.
DropoutDraws dropout_draws(std::string_view operation, const Dropout& dropout, std::int64_t rows);

}  // namespace bertyard
