// SPDX-License-Identifier: Apache-2.0
// Samples a second and core: shards of ours, all in the page cache, in random order, against
// NVIDIA's layout through HDF5. 500,000 samples of 128 tokens; the files are made below TMPDIR. On
// a machine that others use compare CPU time, and ratios within one run.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>

#include <benchmark/benchmark.h>
#include <unistd.h>

#include "core/base/philox.h"
#include "data/batches/step_builder.h"
#include "data/shards/hdf5_file.h"
#include "data/shards/hdf5_nvidia_writer.h"
#include "data/shards/hdf5_shard_writer.h"
#include "data/shards/manifest.h"
#include "data/shards/open_samples.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSamples = 500'000;
constexpr std::uint64_t kNvidiaSamples = 32'768;
constexpr std::uint32_t kLength = 128, kMasked = 19, kVocabulary = 30'522;
constexpr std::int64_t kBatch = 256;

// Few ids are frequent and many rare, as in text: what gzip makes of them depends on it.
std::uint32_t draw_token(PhiloxSequence& draws) {
  const double log_uniform = std::pow(kVocabulary - 1000, draws.next_unit());
  return 999 + static_cast<std::uint32_t>(log_uniform);
}

class Files {
 public:
  Files() : directory_(fs::temp_directory_path() / ("bertyard-bench-" + std::to_string(getpid()))) {
    write_shards("static", MaskTime::prepare, kSamples);
    write_shards("dynamic", MaskTime::training, kSamples);
    write_shards("few", MaskTime::prepare, kNvidiaSamples);
    nvidia_ = write_nvidia_files(*open_samples(directory_ / "few"),
                                 {.out = directory_, .max_length = kLength, .max_predictions = 20})
                  .front();
  }
  ~Files() { fs::remove_all(directory_); }
  fs::path shards(const char* name) const { return directory_ / name; }
  const fs::path& nvidia() const { return nvidia_; }

 private:
  void write_shards(const char* name, MaskTime masks, std::uint64_t samples) const {
    fs::create_directories(directory_ / name);
    Manifest manifest;
    manifest.parameters.vocabulary_size = kVocabulary;
    manifest.parameters.max_length = kLength;
    manifest.parameters.mask.when = masks;
    manifest.parameters.mask.max_predictions = 20;
    for (std::uint64_t first = 0; first < samples; first += 100'000) {
      ShardWriter writer(manifest.parameters);
      for (std::uint64_t i = first; i < std::min(samples, first + 100'000); ++i)
        add(writer, masks, i);
      const std::string file = "shard-" + std::to_string(first) + ".h5";
      manifest.shards.push_back(writer.write(directory_ / name / file));
    }
    manifest.counts.samples = samples;
    manifest.counts.sample_tokens = samples * kLength;
    write_manifest(directory_ / name, manifest);
  }
  static void add(ShardWriter& writer, MaskTime masks, std::uint64_t index) {
    PhiloxSequence draws(1, RandomPurpose::initialization, 0, index);
    Sample sample;
    for (std::uint32_t i = 0; i < kLength; ++i) sample.tokens.push_back(draw_token(draws));
    sample.tokens.front() = 101;
    sample.tokens[kLength / 2] = sample.tokens.back() = 102;
    sample.a_length = kLength / 2 + 1;
    if (masks == MaskTime::training) return writer.add(sample);
    MaskedTokens masked;
    for (std::uint32_t m = 0; m < kMasked; ++m) {
      masked.positions.push_back(1 + m * 6);
      masked.labels.push_back(sample.tokens[1 + m * 6]);
      sample.tokens[1 + m * 6] = 103;
    }
    writer.add(sample, masked);
  }

  fs::path directory_;
  fs::path nvidia_;
};

const Files& files() {
  static const Files made;
  return made;
}

Masker masker_of(MaskUnit unit) {
  MaskVocabulary vocabulary{
      .size = kVocabulary, .mask = 103, .cls = 101, .sep = 102, .continues = {}};
  vocabulary.continues.resize(kVocabulary);
  for (std::uint32_t id = 0; id < kVocabulary; id += 5) vocabulary.continues[id] = 1;
  return Masker(MaskOptions{.unit = unit, .max_predictions = 20}, vocabulary);
}

BatchStreamOptions options_at(std::uint64_t start) {
  BatchStreamOptions options;
  options.seed = 1;
  options.global_batch = kBatch;
  options.max_length = kLength;
  options.capacities = {4096, 256, 1024};
  options.start_index = start;
  return options;
}

// Touches every block, so that checksums and page faults are paid.
void warm(const SampleSource& source) {
  StoredSample sample;
  for (std::uint64_t i = 0; i < source.size(); ++i) source.read(i, sample);
}

// Whole steps as training gets them: order, plan, samples, masks, packed batches.
void steps(benchmark::State& state, const char* shards, const Masker* masker,
           const std::optional<BlockShuffle>& blocks) {
  const auto source = open_samples(files().shards(shards));
  warm(*source);
  BatchStreamOptions options = options_at(0);
  options.blocks = blocks;
  const StepBuilder builder(*source, masker, options);
  std::uint64_t number = 0;
  for (auto _ : state) benchmark::DoNotOptimize(builder.build(number++));
  state.SetItemsProcessed(state.iterations() * kBatch);
}
void static_masks(benchmark::State& state) {
  steps(state, "static", nullptr, std::nullopt);
}
void static_masks_by_blocks(benchmark::State& state) {
  steps(state, "static", nullptr, BlockShuffle{});
}
void dynamic_masks(benchmark::State& state) {
  const Masker masker = masker_of(static_cast<MaskUnit>(state.range(0)));
  steps(state, "dynamic", &masker, std::nullopt);
}
BENCHMARK(static_masks)->MeasureProcessCPUTime();
BENCHMARK(static_masks_by_blocks)->MeasureProcessCPUTime();
BENCHMARK(dynamic_masks)->Arg(0)->Arg(1)->Arg(2)->MeasureProcessCPUTime();

// One sample after the other, without batches.
void random_reads(benchmark::State& state) {
  const auto source = open_samples(files().shards("static"));
  warm(*source);
  const Sampler sampler(1, source->size());
  StoredSample sample;
  std::uint64_t index = 0;
  for (auto _ : state) {
    source->read(sampler.at(index++).sample_id, sample);
    benchmark::DoNotOptimize(sample.tokens.data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(random_reads)->MeasureProcessCPUTime();

template <typename T>
void read_whole(const Hdf5File& file, const char* name) {
  benchmark::DoNotOptimize(file.read_all<T>(file.describe(name)).data());
}

// NVIDIA's loader reads whole files into memory and picks samples there; this is the reading alone,
// with no batch made of it and no order, in the largest blocks, and types that HDF5 need not
// convert.
void nvidia_hdf5(benchmark::State& state) {
  const fs::path path = files().nvidia();
  for (auto _ : state) {
    const Hdf5File file = Hdf5File::open(path);
    read_whole<std::int32_t>(file, "input_ids");
    read_whole<std::int8_t>(file, "input_mask");
    read_whole<std::int8_t>(file, "segment_ids");
    read_whole<std::int32_t>(file, "masked_lm_positions");
    read_whole<std::int32_t>(file, "masked_lm_ids");
    read_whole<std::int8_t>(file, "next_sentence_labels");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kNvidiaSamples));
}
BENCHMARK(nvidia_hdf5)->MeasureProcessCPUTime();

// From nothing open to the first step of the second half of an epoch.
void jump_to_the_middle(benchmark::State& state) {
  const auto source = open_samples(files().shards("static"));
  for (auto _ : state) {
    BatchStream stream(*source, nullptr, options_at(kSamples / 2));
    benchmark::DoNotOptimize(stream.next());
  }
}
BENCHMARK(jump_to_the_middle)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace bertyard
