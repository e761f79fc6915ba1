// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

namespace bertyard {

// A cublasLtMatmulAlgo_t: NVIDIA allows it to be stored and used again with the same version of the
// library. Compared and written as words.
struct MatrixChoice {
  std::array<std::uint64_t, 8> words{};
  bool operator==(const MatrixChoice&) const = default;
};

// Text of a header that names library and GPU, and a line a product: "key word word ...". Reading
// gives nothing where the header is another's: then everything is searched for anew. Throws
// DataError where a line is damaged.
std::string write_choices(const std::map<std::string, MatrixChoice>& choices);
std::map<std::string, MatrixChoice> read_choices(const std::string& text);

}  // namespace bertyard
