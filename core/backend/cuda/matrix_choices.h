// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/backend/cuda/device_matrices.h"

namespace bertyard {

// A cublasLtMatmulAlgo_t: NVIDIA allows it to be stored and used again with the same version of the
// library. Compared and written as words.
struct MatrixChoice {
  std::array<std::uint64_t, 8> words{};
  bool operator==(const MatrixChoice&) const = default;
};

// By product_key().
using MatrixChoices = std::map<std::string, MatrixChoice>;

// How far addresses are known to be aligned: powers of two up to kBestAlignment bytes.
std::uint32_t alignment_of(const void* address);
struct ProductAlignments {
  std::uint32_t a, b, y;
  std::uint32_t side;  // of what the epilogue reads and writes, the least
};
ProductAlignments alignments_of(const DeviceProduct& product);

// Everything of a product but its addresses, of which only the alignment counts, as text: two
// products of one key share an algorithm.
std::string product_key(const DeviceProduct& product);

// What the choices are good for: the library and the GPU of this process, in one line.
std::string choices_header(const std::string& library);

// Text of a header and a line a product: "key word word ...". Reading gives nothing where the
// header is another one: then everything is searched for anew. Throws DataError where a line is
// damaged.
std::string write_choices(const std::string& header, const MatrixChoices& choices);
std::optional<MatrixChoices> read_choices(const std::string& header, const std::string& text);

}  // namespace bertyard
