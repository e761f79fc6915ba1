// SPDX-License-Identifier: Apache-2.0
#include "launch/run/find_vocabulary.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/shards/manifest.h"

namespace bertyard {

namespace fs = std::filesystem;

fs::path directory_of_samples(const fs::path& samples) {
  if (fs::is_directory(samples)) return samples;
  return samples.has_parent_path() ? samples.parent_path() : fs::path(".");
}

std::optional<Vocabulary> find_vocabulary(const std::string& named, const fs::path& samples,
                                          const std::optional<std::uint64_t>& hash) {
  if (!named.empty()) {
    Vocabulary vocabulary = Vocabulary::load(named);
    if (!hash || *hash == vocabulary.hash()) return vocabulary;
    throw DataError(fmt::format(
        "{}: its hash is {}, but the samples in {} were made with a vocabulary of hash {}; name "
        "that one",
        named, hash_text(vocabulary.hash()), samples.string(), hash_text(*hash)));
  }
  fs::path directory = fs::absolute(directory_of_samples(samples)).lexically_normal();
  const int levels = hash ? 3 : 1;
  for (int level = 0; level < levels; ++level) {
    const fs::path file = directory / "vocab.txt";
    directory = directory.parent_path();
    if (!fs::is_regular_file(file)) continue;
    try {
      Vocabulary vocabulary = Vocabulary::load(file);
      if (!hash || *hash == vocabulary.hash()) return vocabulary;
    } catch (const DataError&) {
      continue;
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> vocabulary_hash_of(const fs::path& samples) {
  const fs::path directory = directory_of_samples(samples);
  if (!fs::exists(directory / kManifestName)) return std::nullopt;
  try {
    return read_manifest(directory).parameters.vocabulary_hash;
  } catch (const DataError&) {
    return std::nullopt;
  }
}

}  // namespace bertyard
