// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "train/files/safetensors.h"

namespace bertyard {
namespace {

constexpr std::size_t kAlignment = 8;

struct Place {
  int rank;  // in the order in which the library lays types out
  std::string_view word;
};

Place place_of(DType type) {
  switch (type) {
    case DType::u64:
      return {0, "U64"};
    case DType::i64:
      return {1, "I64"};
    case DType::f64:
      return {2, "F64"};
    case DType::f32:
      return {3, "F32"};
    case DType::u32:
      return {4, "U32"};
    case DType::i32:
      return {5, "I32"};
    case DType::bf16:
      return {6, "BF16"};
    case DType::f16:
      return {7, "F16"};
    case DType::u16:
      return {8, "U16"};
    case DType::u8:
      return {9, "U8"};
  }
  throw Error("safetensors: a type without a name in the format");
}

std::string header_text(const std::vector<NamedTensor>& tensors) {
  nlohmann::ordered_json header;
  header["__metadata__"] = {{"format", "pt"}};
  std::uint64_t cursor = 0;
  const std::string* previous = nullptr;
  for (const NamedTensor& tensor : tensors) {
    BERTYARD_CHECK(previous == nullptr || *previous != tensor.name,
                   fmt::format("safetensors: tensor '{}' is there twice", tensor.name));
    previous = &tensor.name;
    std::vector<std::int64_t> extents;
    extents.reserve(static_cast<std::size_t>(tensor.values.shape().rank()));
    for (int i = 0; i < tensor.values.shape().rank(); ++i) {
      extents.push_back(tensor.values.shape()[i]);
    }
    const std::uint64_t end = cursor + tensor.values.bytes();
    nlohmann::ordered_json& entry = header[tensor.name];
    entry["dtype"] = place_of(tensor.values.dtype()).word;
    entry["shape"] = extents;
    entry["data_offsets"] = {cursor, end};
    cursor = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  return text;
}

}  // namespace

void write_safetensors(FileWriter& file, std::vector<NamedTensor> tensors) {
  std::sort(tensors.begin(), tensors.end(), [](const NamedTensor& a, const NamedTensor& b) {
    return std::pair(place_of(a.values.dtype()).rank, std::string_view(a.name)) <
           std::pair(place_of(b.values.dtype()).rank, std::string_view(b.name));
  });
  const std::string header = header_text(tensors);
  const std::uint64_t length = header.size();
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(header);
  for (const NamedTensor& tensor : tensors) {
    file.write({static_cast<const std::byte*>(tensor.values.data()), tensor.values.bytes()});
  }
}

}  // namespace bertyard
