// SPDX-License-Identifier: Apache-2.0
// Any bytes as the manifest.json of a checkpoint, as they are and under a checksum that fits: an
// error, or a manifest that is written as it was read.
#include <cstdlib>
#include <string>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "train/checkpoint/checkpoint_manifest.h"

namespace bertyard {
namespace {

void parse(const std::string& text) {
  try {
    const CheckpointManifest manifest = parse_manifest(text, "manifest.json");
    const CheckpointManifest again = parse_manifest(manifest_text(manifest), "manifest.json");
    if (again.files != manifest.files) std::abort();
  } catch (const Error&) {
  }
}

}  // namespace
}  // namespace bertyard

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bertyard;
  const std::string text(reinterpret_cast<const char*>(data), size);
  parse(text);
  parse(text + ",\n  \"xxh3\": \"" + hash_text(xxh3(text)) + "\"\n}\n");
  return 0;
}
