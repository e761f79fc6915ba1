// SPDX-License-Identifier: Apache-2.0
#include "data/shards/verify_samples.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/files/block_checksums.h"
#include "data/files/mapped_file.h"
#include "data/samples/joined_samples.h"
#include "data/samples/sample_form.h"
#include "data/shards/hdf5_shard_reader.h"
#include "data/shards/manifest.h"
#include "data/shards/open_samples.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

// Fills one report.
class Verification {
 public:
  Verification(VerifyReport& report, const Vocabulary* vocabulary)
      : report_(report), vocabulary_(vocabulary) {}

  // All shards of a directory with a manifest, or the one that is named.
  void directory(const fs::path& directory, const std::string& only) {
    std::optional<Manifest> manifest;
    attempt([&] { manifest = read_manifest(directory); });
    if (!manifest) return shards_without_manifest(directory);
    describe(manifest->parameters);
    if (manifest->shards.empty()) {
      report_.findings.add(fmt::format("{}: the manifest names no shards", directory.string()));
    }
    for (const ShardEntry& entry : manifest->shards) {
      if (only.empty() || entry.file == only) shard(directory / entry.file, &entry);
    }
    if (!only.empty()) return;
    if (manifest->unigram) attempt([&] { (void)read_unigram(directory, *manifest); });
    compare_counts(directory, *manifest);
  }

  // A file that no manifest names, or a directory of them.
  void unnamed(const fs::path& path) {
    bool is_foreign = false;
    if (!attempt([&] { is_foreign = is_foreign_layout(path); })) return;
    if (is_foreign) {
      foreign(path);
    } else if (fs::is_directory(path)) {
      directory(path, "");
    } else {
      file(path, "no manifest.json beside it names it");
    }
  }

 private:
  void file(const fs::path& path, const char* without) {
    report_.warnings.push_back(
        fmt::format("{}: {}, so its checksums cannot be checked", path.string(), without));
    shard(path, nullptr);
  }

  // One file after the other, for each is in memory as a whole.
  void foreign(const fs::path& path) {
    if (!fs::is_directory(path)) return foreign_file(path);
    std::vector<fs::path> files;
    attempt([&] { files = hdf5_files_in(path); });
    std::string first;  // layout
    for (const fs::path& file : files) {
      foreign_file(file);
      if (first.empty()) first = report_.layout;
      if (report_.layout == first) continue;
      report_.findings.add(fmt::format("{}: in {}, but the files before it are in {}",
                                       file.string(), report_.layout, first));
    }
  }

  void foreign_file(const fs::path& path) {
    std::unique_ptr<SampleSource> source;
    SampleExpectations anything;
    anything.segments = 256;
    if (vocabulary_ != nullptr) {
      anything.vocabulary_size = static_cast<std::uint32_t>(vocabulary_->size());
    }
    attempt([&] { source = open_samples(path, anything); });
    if (!source) return;
    const SourceProperties& properties = source->properties();
    report_.layout = properties.layout;
    report_.masks = properties.masks;
    report_.next_sentence = properties.next_sentence;
    form_ = SampleForm(nullptr, vocabulary_);
    ++report_.files;
    report_.warnings.insert(report_.warnings.end(), properties.warnings.begin(),
                            properties.warnings.end());
    samples(*source, source->size(), path.string());
  }

  template <typename Action>
  bool attempt(const Action& action) {
    try {
      action();
      return true;
    } catch (const DataError& error) {
      report_.findings.add(error.what());
      return false;
    }
  }

  void describe(const ShardParameters& parameters) {
    report_.layout = "bertyard shards";
    report_.parameters = parameters;
    report_.masks = parameters.mask.when;
    report_.next_sentence = parameters.next_sentence;
    form_ = SampleForm(&parameters, vocabulary_);
    if (vocabulary_ == nullptr || vocabulary_->hash() == parameters.vocabulary_hash) return;
    report_.findings.add(
        fmt::format("{}: made with another vocabulary than the one that is named", report_.path));
  }

  void shards_without_manifest(const fs::path& directory) {
    std::vector<fs::path> shards;
    for (const auto& entry : fs::directory_iterator(directory)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("shard-") && name.ends_with(".h5")) shards.push_back(entry.path());
    }
    std::sort(shards.begin(), shards.end());
    const char* const without = fs::exists(directory / kManifestName)
                                    ? "the manifest.json beside it cannot be read"
                                    : "there is no manifest.json beside it";
    for (const fs::path& shard : shards) file(shard, without);
  }

  void shard(const fs::path& path, const ShardEntry* entry) {
    ++report_.files;
    // HDF5 does not get to see a damaged file, and its samples would say the same again.
    if (entry != nullptr && !attempt([&] { blocks(path, *entry); })) return;
    std::unique_ptr<ShardReader> reader;
    attempt([&] { reader = std::make_unique<ShardReader>(path, entry); });
    if (!reader) return;
    if (!report_.parameters) describe(reader->parameters());
    if (!(reader->parameters() == *report_.parameters)) {
      report_.findings.add(fmt::format("{}: made with other parameters than the {}", path.string(),
                                       entry != nullptr ? "manifest says" : "shard before it"));
    }
    samples(*reader, reader->samples(), path.string());
  }

  // Every damaged block is a finding of its own.
  void blocks(const fs::path& path, const ShardEntry& entry) {
    const MappedFile file(path);
    if (file.bytes().size() != entry.bytes) return;  // the reader says so
    const BlockChecker checker(path.string(), file.bytes(), entry.block_hashes,
                               [&] { file.require_unchanged(); });
    std::uint64_t damaged = 0;
    for (std::size_t begin = 0; begin < entry.bytes; begin += kChecksumBlockBytes) {
      damaged += attempt([&] { checker.require(begin, begin + 1); }) ? 0 : 1;
      ++report_.checked_blocks;
    }
    if (damaged == 0) return;
    throw DataError(fmt::format("{}: {} of its {} blocks are damaged; its samples were not read",
                                path.string(), damaged, entry.block_hashes.size()));
  }

  template <typename Source>
  void samples(const Source& source, std::uint64_t count, const std::string& name) {
    StoredSample sample;
    for (std::uint64_t i = 0; i < count; ++i) {
      if (!attempt([&] { source.read(i, sample); })) continue;
      report_.statistics.add(sample, vocabulary_);
      if (const std::string wrong = form_.mistake(sample); !wrong.empty()) {
        report_.findings.add(fmt::format("{}: sample {}: {}", name, i, wrong));
      }
    }
  }

  void compare_counts(const fs::path& directory, const Manifest& manifest) {
    // Where something could not be read the counts differ for a reason that is named already.
    if (!report_.findings.none()) return;
    const SampleStatistics& found = report_.statistics;
    const auto compare = [&](const char* what, std::uint64_t counted, std::uint64_t said) {
      if (counted == said) return;
      report_.findings.add(fmt::format("{}: {} {}, the manifest says {}",
                                       (directory / kManifestName).string(), counted, what, said));
    };
    compare("samples", found.samples, manifest.counts.samples);
    compare("tokens", found.tokens, manifest.counts.sample_tokens);
    compare("masked tokens", found.masked, manifest.counts.masked_tokens);
    compare("random or swapped pairs", found.random_next, manifest.counts.random_next);
  }

  VerifyReport& report_;
  const Vocabulary* vocabulary_;
  SampleForm form_;
};

bool is_shard_directory(const fs::path& path) {
  return fs::is_directory(path) &&
         (fs::exists(path / kManifestName) || fs::exists(path / "shard-00000.h5"));
}

}  // namespace

void Findings::add(const std::string& text) {
  constexpr std::size_t kMost = 1000;
  if (texts_.size() == kMost) {
    ++more_;
  } else if (seen_.insert(text).second) {
    texts_.push_back(text);
  }
}

VerifyReport verify_samples(const fs::path& path, const Vocabulary* vocabulary) {
  if (!fs::exists(path)) {
    throw DataError(fmt::format("{}: does not exist; name shards or HDF5 files", path.string()));
  }
  VerifyReport report;
  report.path = path.string();
  Verification verification(report, vocabulary);
  const fs::path beside = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const std::string name = path.filename().string();
  if (is_shard_directory(path)) {
    verification.directory(path, "");
  } else if (name == kManifestName) {
    verification.directory(beside, "");
  } else if (!fs::is_directory(path) && is_named_by_manifest(path)) {
    verification.directory(beside, name);
  } else {
    verification.unnamed(path);
  }
  if (report.findings.none()) judge_statistics(report, vocabulary);
  return report;
}

}  // namespace bertyard
