// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cuda/cuda_checks.h"

#include <cmath>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {

void check_activations(Argument argument, const ConstTensorView& found, DType type,
                       const Shape& shape) {
  if (type != DType::f32 && type != DType::bf16 && type != DType::f16) {
    throw Error(fmt::format("{}: {} is {}, but activations on a GPU are f32, bf16 or f16",
                            argument.operation, argument.name, name_of(type)));
  }
  check_tensor(argument, found, type, shape);
}

void check_optional_activations(Argument argument, const ConstTensorView& found, DType type,
                                const Shape& shape) {
  if (found.present()) check_activations(argument, found, type, shape);
}

void check_index(Argument argument, const ConstTensorView& found, std::int64_t count) {
  check_tensor(argument, found, DType::i32, {count});
}

void check_norm_tensors(std::string_view operation, const NormParameters& norm,
                        const NormSaved& saved, DType type, const Shape& shape) {
  check_f32({operation, "gamma"}, norm.gamma, {shape[1]});
  check_f32({operation, "beta"}, norm.beta, {shape[1]});
  check_activations({operation, "normalised"}, saved.normalised, type, shape);
  check_f32({operation, "rstd"}, saved.rstd, {shape[0]});
}

void check_norm_gradient_tensors(std::string_view operation, const NormGradients& dnorm,
                                 std::int64_t columns) {
  check_f32({operation, "dgamma"}, dnorm.dgamma, {columns});
  check_f32({operation, "dbeta"}, dnorm.dbeta, {columns});
}

DropoutDraws dropout_draws(std::string_view operation, const Dropout& dropout, std::int64_t rows) {
  DropoutDraws draws;
  if (dropout.probability == 0) return draws;
  constexpr double kDraws = 65536;
  const double threshold = std::round(kDraws * dropout.probability);
  if (!(dropout.probability > 0 && threshold < kDraws)) {
    throw Error(fmt::format("{}: dropout probability must be in [0, 1), found {}", operation,
                            dropout.probability));
  }
  check_tensor({operation, "dropout sample"}, dropout.sample, DType::u64, {rows});
  check_tensor({operation, "dropout position"}, dropout.position, DType::i32, {rows});
  draws.key = philox_key(dropout.seed);
  draws.layer_and_site = dropout.layer << 8 | static_cast<std::uint32_t>(dropout.site);
  draws.threshold = static_cast<std::uint32_t>(threshold);
  draws.scale = static_cast<float>(1.0 / (1.0 - threshold / kDraws));
  draws.sample = dropout.sample.as<std::uint64_t>();
  draws.position = dropout.position.as<std::int32_t>();
  return draws;
}

}  // namespace bertyard
