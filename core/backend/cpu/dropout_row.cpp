// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/dropout_row.h"

#include <cmath>

#include <fmt/format.h>

#include "core/backend/cpu/tensor_checks.h"
#include "core/base/error.h"
#include "core/base/philox.h"

namespace bertyard {

DropoutRows::DropoutRows(std::string_view operation, const Dropout& dropout, std::int64_t rows) {
  if (dropout.probability == 0) return;
  constexpr double kDraws = 65536;
  const double threshold = std::round(kDraws * dropout.probability);
  if (!(dropout.probability > 0 && threshold < kDraws)) {
    throw Error(fmt::format("{}: the dropout probability must be at least 0 and below 1, found {}",
                            operation, dropout.probability));
  }
  check_tensor({operation, "dropout.sample"}, dropout.sample, DType::u64, {rows});
  check_tensor({operation, "dropout.position"}, dropout.position, DType::i32, {rows});
  sample_ = dropout.sample.as<std::uint64_t>();
  position_ = dropout.position.as<std::int32_t>();
  const PhiloxKey key = philox_key(dropout.seed);
  row_.key_low = key.low;
  row_.key_high = key.high;
  row_.counter[2] = dropout.layer << 8 | static_cast<std::uint32_t>(dropout.site);
  row_.threshold = static_cast<std::uint32_t>(threshold);
  row_.scale = static_cast<float>(1.0 / (1.0 - threshold / kDraws));
}

DropoutRow DropoutRows::row(std::int64_t token) const {
  DropoutRow result = row_;
  if (!active()) return result;
  const std::uint64_t sample = sample_[token];
  result.counter[0] = static_cast<std::uint32_t>(sample);
  result.counter[1] =
      static_cast<std::uint32_t>(sample >> 32 << 16) | static_cast<std::uint32_t>(position_[token]);
  return result;
}

}  // namespace bertyard
