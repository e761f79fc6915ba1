// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cuda/matrix_choices.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include <fmt/format.h>

#include "core/backend/cuda/cuda_error.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

MatrixChoice parse(std::istringstream& words, const std::string& line) {
  MatrixChoice choice;
  for (std::uint64_t& word : choice.words) {
    std::string text;
    words >> text;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), word, 16);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
      throw DataError(fmt::format(
          "choices of matrix products: expected a key and 8 hexadecimal words, found '{}'; delete "
          "the file and they are searched for again",
          line));
    }
  }
  return choice;
}

}  // namespace

std::uint32_t alignment_of(const void* address) {
  const auto bits = reinterpret_cast<std::uintptr_t>(address) | kBestAlignment;
  return static_cast<std::uint32_t>(bits & (~bits + 1));
}

ProductAlignments alignments_of(const DeviceProduct& product) {
  const std::uint32_t sides[] = {alignment_of(product.bias), alignment_of(product.pre),
                                 alignment_of(product.sums)};
  return {.a = alignment_of(product.a.data),
          .b = alignment_of(product.b.data),
          .y = alignment_of(product.y),
          .side = *std::ranges::min_element(sides)};
}

std::string product_key(const DeviceProduct& product) {
  const auto side = [](const DeviceOperand& operand) {
    return fmt::format("{}{}", operand.transposed == Transposed::yes ? "t" : "n", operand.leading);
  };
  const ProductAlignments at = alignments_of(product);
  return fmt::format("{}-{}:{}x{}x{}:{}:{}:{}:{}:{}:{}.{}.{}.{}", name_of(product.type),
                     name_of(product.y_type), product.m, product.n, product.k, side(product.a),
                     side(product.b), product.leading, product.beta != 0 ? 1 : 0,
                     static_cast<int>(product.epilogue), at.a, at.b, at.y, at.side);
}

std::string choices_header(const std::string& library) {
  int device = 0;
  BERTYARD_CHECK_CUDA(cudaGetDevice(&device));
  cudaDeviceProp properties;
  BERTYARD_CHECK_CUDA(cudaGetDeviceProperties(&properties, device));
  return fmt::format("{}, {}, {} multiprocessors", library, properties.name,
                     properties.multiProcessorCount);
}

std::string write_choices(const std::string& header, const MatrixChoices& choices) {
  std::string text = header + "\n";
  for (const auto& [key, choice] : choices) {
    text += key;
    for (const std::uint64_t word : choice.words) text += fmt::format(" {:016x}", word);
    text += "\n";
  }
  return text;
}

std::optional<MatrixChoices> read_choices(const std::string& header, const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  if (!std::getline(lines, line) || line != header) return std::nullopt;
  MatrixChoices choices;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string key;
    words >> key;
    choices.emplace(key, parse(words, line));
  }
  return choices;
}

}  // namespace bertyard
