// SPDX-License-Identifier: Apache-2.0
#include "core/optim/optimizer_shard.h"

#include <algorithm>

namespace bertyard {

std::vector<NormChunk> norm_chunks(const ParameterStore& parameters) {
  std::vector<NormChunk> chunks;
  for (const ParameterInfo& info : parameters.infos()) {
    const std::int64_t elements = info.shape.elements();
    for (std::int64_t at = 0; at < elements; at += NormChunk::kElements) {
      chunks.push_back({info.offset + at, std::min(NormChunk::kElements, elements - at)});
    }
  }
  return chunks;
}

OptimizerShard whole_shard(const ParameterStore& parameters) {
  return {{0, parameters.flat_elements()}};
}

}  // namespace bertyard
