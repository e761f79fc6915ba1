// SPDX-License-Identifier: Apache-2.0
#include "core/backend/update_plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {

UpdateTables::UpdateTables(std::vector<UpdateSegment> given) : segments(std::move(given)) {
  for (std::size_t s = 0; s < segments.size(); ++s) {
    const UpdateSegment& segment = segments[s];
    if (segment.offset < 0 || segment.elements < 0 || segment.tensor < 0) {
      throw Error(
          fmt::format("update: segment {} has offset {}, {} elements and tensor {}, all of "
                      "which must be 0 or more",
                      s, segment.offset, segment.elements, segment.tensor));
    }
    first_chunk.push_back(static_cast<std::int64_t>(chunks.size()));
    for (std::int64_t at = 0; at < segment.elements; at += NormChunk::kElements) {
      chunks.push_back({segment.offset + at, std::min(NormChunk::kElements, segment.elements - at),
                        static_cast<std::int32_t>(s)});
    }
  }
  first_chunk.push_back(static_cast<std::int64_t>(chunks.size()));
}

std::int64_t UpdateTables::end() const {
  std::int64_t end = 0;
  for (const UpdateSegment& segment : segments) {
    end = std::max(end, segment.offset + segment.elements);
  }
  return end;
}

std::int64_t UpdateTables::tensors() const {
  std::int64_t tensors = 0;
  for (const UpdateSegment& segment : segments) {
    tensors = std::max<std::int64_t>(tensors, segment.tensor + 1);
  }
  return tensors;
}

}  // namespace bertyard
