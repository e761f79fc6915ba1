// SPDX-License-Identifier: Apache-2.0
// Any bytes as the weights or the optimizer state of a checkpoint: an error or a file whose tensors
// lie inside it.
#include <cstdlib>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "tests/fuzz/fuzz_file.h"
#include "train/files/safetensors.h"

namespace bertyard {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const SafetensorsFile& file, std::size_t size) {
  std::uint64_t bytes = 0;
  for (const SafetensorsEntry& entry : file.entries()) {
    require(entry.offset <= size && entry.bytes <= size - entry.offset);
    require(file.bytes(entry).size() == entry.bytes);
    require(file.find(entry.name) != nullptr);
    bytes += entry.bytes;
    std::vector<float> values(static_cast<std::size_t>(entry.elements));
    try {
      file.read_f32(entry, values);
    } catch (const DataError&) {  // a type that is no float
    }
  }
  require(bytes < size);
}

}  // namespace
}  // namespace bertyard

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bertyard;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const testing::FuzzFile file("model.safetensors", bytes);
  try {
    check(SafetensorsFile(file.path()), size);
  } catch (const Error&) {
  }
  return 0;
}
