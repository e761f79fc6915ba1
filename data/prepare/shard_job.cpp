// SPDX-License-Identifier: Apache-2.0
#include "data/prepare/shard_job.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/philox.h"
#include "data/files/block_checksums.h"
#include "data/files/checked_file.h"
#include "data/samples/sample_builder.h"
#include "data/samples/sample_chunk.h"
#include "data/shards/hdf5_shard_format.h"
#include "data/shards/hdf5_shard_writer.h"
#include "data/worker_threads.h"

namespace bertyard {
namespace {

// Takes the place of the duplication round in the key of the shuffle; no round gets that far.
constexpr std::uint32_t kShuffleRound = 0xFFFFFFFFu;
// Keeps the masks of held-out samples apart from those of training samples with the same number.
constexpr std::uint64_t kValidMaskBit = std::uint64_t{1} << 63;

}  // namespace

// One shard on its way.
class ShardJob::Build {
 public:
  Build(const ShardJob& job, std::size_t shard, int threads)
      : job_(job),
        shard_(shard),
        threads_(threads),
        width_(shard_format::ids_fit_u16(job.parameters_.vocabulary_size) ? PackedIds::Width::u16
                                                                          : PackedIds::Width::u32) {
    plan_tasks();
  }

  ShardRecord run(const std::function<void(std::uint64_t)>& progress) {
    build_chunks(progress);
    choose_order();
    if (job_.masker_) mask_chunks();
    ShardWriter writer(job_.parameters_);
    fill(writer);
    ShardRecord record{writer.write(job_.shard_path(shard_)), counts_, std::move(unigram_)};
    return record;
  }

 private:
  // One round over the documents that lie in the shard and in one segment.
  struct Task {
    const TokenStore::StoredSegment* segment;
    std::size_t begin;
    std::size_t end;
    std::uint32_t round;
  };
  struct Place {
    std::uint32_t chunk;
    std::uint32_t index;
  };

  void plan_tasks() {
    const PlannedShard& plan = job_.plans_[shard_];
    for (int round = 0; round < job_.parameters_.duplicate; ++round) {
      for (std::size_t begin = plan.begin; begin < plan.end;) {
        const TokenStore::StoredSegment& segment = job_.store_.segment_of(begin);
        const std::size_t end = std::min(plan.end, segment.first_document + segment.part.documents);
        tasks_.push_back({&segment, begin, end, static_cast<std::uint32_t>(round)});
        begin = end;
      }
    }
    chunks_.assign(tasks_.size(), SampleChunk(width_));
  }

  void build_chunks(const std::function<void(std::uint64_t)>& progress) {
    std::vector<std::vector<std::uint64_t>> unigrams(
        static_cast<std::size_t>(threads_), std::vector<std::uint64_t>(job_.vocabulary_size_, 0));
    run_tasks(threads_, tasks_.size(), [&](int thread, std::size_t task) {
      build_chunk(tasks_[task], chunks_[task], unigrams[static_cast<std::size_t>(thread)]);
      progress(tasks_[task].segment->part.tokens);
    });
    unigram_.assign(job_.vocabulary_size_, 0);
    for (const auto& counts : unigrams) {
      for (std::size_t id = 0; id < counts.size(); ++id) unigram_[id] += counts[id];
    }
    unigram_[job_.special_.cls] = unigram_[job_.special_.sep] = 0;
  }

  void build_chunk(const Task& task, SampleChunk& chunk, std::vector<std::uint64_t>& unigram) {
    StoredDocuments documents(job_.store_);
    documents.load(*task.segment);
    const SampleBuilder builder(documents, {.seed = job_.parameters_.seed,
                                            .max_length = job_.parameters_.max_length,
                                            .short_sequence = job_.parameters_.short_sequence,
                                            .next_sentence = job_.parameters_.next_sentence,
                                            .cls = job_.special_.cls,
                                            .sep = job_.special_.sep});
    const SampleBuilder::Sink add = [&](const Sample& sample) {
      chunk.add(sample);
      for (const std::uint32_t token : sample.tokens) ++unigram[token];
    };
    for (std::size_t d = task.begin; d < task.end; ++d) builder.build(d, task.round, add);
  }

  // Shuffles the samples of the shard, keyed by seed, part and shard.
  void choose_order() {
    for (std::uint32_t chunk = 0; chunk < chunks_.size(); ++chunk) {
      for (std::uint32_t i = 0; i < chunks_[chunk].size(); ++i) order_.push_back({chunk, i});
    }
    const auto part = static_cast<std::uint64_t>(job_.parameters_.part);
    PhiloxSequence draws(job_.parameters_.seed, RandomPurpose::sample_building, kShuffleRound,
                         part | static_cast<std::uint64_t>(shard_) << 1);
    for (std::size_t i = order_.size(); i > 1; --i) {
      std::swap(order_[i - 1], order_[draws.next_below(static_cast<std::uint32_t>(i))]);
    }
  }

  void mask_chunks() {
    std::vector<std::vector<std::uint32_t>> places(chunks_.size());
    for (std::size_t i = 0; i < chunks_.size(); ++i) places[i].resize(chunks_[i].size());
    for (std::uint32_t i = 0; i < order_.size(); ++i) places[order_[i].chunk][order_[i].index] = i;
    const bool valid = job_.parameters_.part == CorpusPart::valid;
    const std::uint64_t high =
        static_cast<std::uint64_t>(shard_) << 32 | (valid ? kValidMaskBit : 0);
    run_tasks(threads_, chunks_.size(), [&](int, std::size_t chunk) {
      chunks_[chunk].mask(*job_.masker_, job_.parameters_.seed,
                          [&](std::size_t i) { return places[chunk][i] | high; });
    });
  }

  void fill(ShardWriter& writer) {
    for (const SampleChunk& chunk : chunks_) {
      counts_.samples += chunk.size();
      counts_.sample_tokens += chunk.token_count();
      counts_.masked_tokens += chunk.masked_count();
      counts_.random_next += chunk.random_next_count();
    }
    writer.reserve(counts_.samples, counts_.sample_tokens, counts_.masked_tokens);
    for (const Place& place : order_) writer.add(chunks_[place.chunk], place.index);
    chunks_.clear();
  }

  const ShardJob& job_;
  std::size_t shard_;
  int threads_;
  PackedIds::Width width_;
  std::vector<Task> tasks_;
  std::vector<SampleChunk> chunks_;
  std::vector<Place> order_;
  ShardCounts counts_;
  std::vector<std::uint64_t> unigram_;
};

ShardJob::ShardJob(const TokenStore& store, ShardParameters parameters,
                   const Vocabulary& vocabulary, std::filesystem::path directory,
                   std::filesystem::path records)
    : store_(store),
      parameters_(std::move(parameters)),
      special_(vocabulary.special()),
      vocabulary_size_(static_cast<std::uint32_t>(vocabulary.size())),
      directory_(std::move(directory)),
      records_(std::move(records)),
      plans_(plan_shards(store, parameters_)) {
  if (parameters_.mask.when == MaskTime::prepare) {
    masker_.emplace(parameters_.mask, mask_vocabulary(vocabulary));
  }
}

std::uint64_t ShardJob::shard_tokens(std::size_t shard) const {
  std::uint64_t tokens = 0;
  for (std::size_t begin = plans_[shard].begin; begin < plans_[shard].end;) {
    const TokenStore::StoredSegment& segment = store_.segment_of(begin);
    tokens += segment.part.tokens;
    begin = segment.first_document + segment.part.documents;
  }
  return tokens * static_cast<std::uint64_t>(parameters_.duplicate);
}

std::filesystem::path ShardJob::shard_path(std::size_t shard) const {
  return directory_ / fmt::format("shard-{:05}.h5", shard);
}

std::filesystem::path ShardJob::record_path(std::size_t shard) const {
  const char* part = parameters_.part == CorpusPart::train ? "train" : "valid";
  return records_ / fmt::format("{}-{:05}.done", part, shard);
}

bool ShardJob::is_done(std::size_t shard) const {
  const std::optional<std::string> text = read_checked(record_path(shard));
  std::error_code error;
  if (!text || !std::filesystem::exists(shard_path(shard), error)) return false;
  return block_checksums(shard_path(shard)) == parse_shard_record(*text).entry.block_hashes;
}

void ShardJob::run(std::size_t shard, int threads,
                   const std::function<void(std::uint64_t)>& progress) const {
  if (is_done(shard)) {
    progress(shard_tokens(shard));
    return;
  }
  write_checked(record_path(shard), to_text(Build(*this, shard, threads).run(progress)));
}

ShardRecord ShardJob::record(std::size_t shard) const {
  if (const auto text = read_checked(record_path(shard))) return parse_shard_record(*text);
  throw DataError(
      fmt::format("{}: missing or damaged; run prepare again", record_path(shard).string()));
}

}  // namespace bertyard
