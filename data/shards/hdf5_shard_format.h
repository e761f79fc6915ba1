// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

// Names of what stands in a shard; for its writer and reader. N samples, T tokens, M masked ones.
namespace bertyard::shard_format {

inline constexpr const char* kVersion = "format_version";        // attribute, integer
inline constexpr const char* kParameters = "parameters";         // attribute, JSON
inline constexpr const char* kTokens = "tokens";                 // u16 or u32 [T]
inline constexpr const char* kSampleOffsets = "sample_offsets";  // u64 [N + 1]
inline constexpr const char* kALength = "a_length";              // u16 [N]
inline constexpr const char* kRandomNext = "is_random_next";     // u8 [N], SOP: swapped
inline constexpr const char* kMaskOffsets = "mask_offsets";      // u64 [N + 1]
inline constexpr const char* kMaskPositions = "mask_positions";  // u16 [M], in the sample
inline constexpr const char* kMaskLabels = "mask_labels";        // as tokens [M]

inline constexpr bool ids_fit_u16(std::uint32_t vocabulary_size) {
  return vocabulary_size <= 65536;
}

inline constexpr std::uint64_t id_bytes(std::uint32_t vocabulary_size) {
  return ids_fit_u16(vocabulary_size) ? 2 : 4;
}

}  // namespace bertyard::shard_format
