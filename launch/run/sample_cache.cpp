// SPDX-License-Identifier: Apache-2.0
#include "launch/run/sample_cache.h"

#include <chrono>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/prepare/convert_samples.h"
#include "data/shards/open_samples.h"
#include "train/journal/console.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

constexpr ControlPlane::Seconds kLongestConversion{24 * 3600};

ConvertOptions options_for(const Vocabulary& vocabulary) {
  return {.vocabulary_hash = vocabulary.hash(),
          .vocabulary_size = static_cast<std::uint32_t>(vocabulary.size())};
}

// Where the shards are: the path itself or its cache, which is made where there is none.
std::string make_cache(const std::string& path, const std::string& cache,
                       const Vocabulary& vocabulary, Logger& log) {
  if (path.empty() || !fs::exists(path) || !is_foreign_layout(path)) return path;
  const ConvertOptions options = options_for(vocabulary);
  const fs::path directory = cache_directory(path, cache);
  if (finished_conversion(path, directory, options)) {
    log.info("{}: reading its conversion in {}", path, directory.string());
    return directory.string();
  }
  log.info("{}: converting it once to shards in {} ...", path, directory.string());
  const auto start = std::chrono::steady_clock::now();
  try {
    if (directory.has_parent_path()) fs::create_directories(directory.parent_path());
    const Manifest manifest = convert_to_shards(path, directory, options);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    log.info("{}: {} samples of the {} converted in {}", path,
             grouped(static_cast<std::int64_t>(manifest.counts.samples)),
             manifest.parameters.converted_from, duration_text(seconds.count()));
  } catch (const std::exception& error) {
    // A disk that cannot be written is the usual one; data that cannot be converted say it better.
    if (dynamic_cast<const DataError*>(&error) != nullptr) throw;
    throw IoError(fmt::format(
        "{}; the samples of {} are converted once for training: set data.cache to a directory that "
        "can be written",
        error.what(), path));
  }
  return directory.string();
}

}  // namespace

fs::path cache_directory(const fs::path& samples, const std::string& cache) {
  fs::path absolute = fs::absolute(samples).lexically_normal();
  if (!absolute.has_filename()) absolute = absolute.parent_path();
  const std::string name = absolute.filename().string();
  if (cache.empty()) return absolute.parent_path() / (name + ".bertyard-cache");
  return fs::path(cache) / fmt::format("{}-{}", name, hash_text(xxh3(absolute.string())));
}

void use_sample_caches(DataOptions& data, const Vocabulary& vocabulary, ControlPlane& control,
                       Logger& log) {
  for (std::string* path : {&data.train, &data.valid}) {
    const std::string given = *path;
    if (control.rank() == 0) *path = make_cache(given, data.cache, vocabulary, log);
    control.barrier("conversion of samples", kLongestConversion);
    *path = control.broadcast_string("place of the samples", *path);
  }
}

}  // namespace bertyard
