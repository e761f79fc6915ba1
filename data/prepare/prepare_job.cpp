// SPDX-License-Identifier: Apache-2.0
#include "data/prepare/prepare_job.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/files/checked_file.h"
#include "data/files/json_dump.h"
#include "data/prepare/part_writer.h"
#include "data/prepare/prepare_memory.h"
#include "data/worker_threads.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

constexpr const char* kKeyFile = "key";
constexpr int kWorkVersion = 4;  // of the files below work.tmp-prepare

// What a killed process was writing.
void remove_torn_files(const fs::path& directory) {
  std::vector<fs::path> torn;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().filename().string().find(".tmp-") != std::string::npos) {
      torn.push_back(entry.path());
    }
  }
  for (const fs::path& path : torn) fs::remove(path);
}

}  // namespace

PrepareJob::PrepareJob(const PrepareOptions& options, const Vocabulary& vocabulary,
                       ProgressCallback progress)
    : options_(options),
      vocabulary_(vocabulary),
      progress_(std::move(progress)),
      work_(fs::path(options.samples.out) / "work.tmp-prepare"),
      text_(options.corpus, options.tokenizer, vocabulary, work_, options.unit_bytes) {
  const auto add = [&](CorpusPart part, const char* name) {
    const fs::path place = fs::path(options.samples.out) / name;
    fs::path temporary = place;
    temporary += ".tmp-prepare";
    parts_.push_back({part, place, temporary, make_parameters(options, vocabulary, part, 0)});
  };
  add(CorpusPart::train, "train");
  if (options.corpus.held_out > 0) add(CorpusPart::valid, "valid");
  key_ = make_key();
}

std::string PrepareJob::make_key() const {
  StreamingHash hash;
  hash.update(fmt::format("{} {}\n", kWorkVersion, reading_rules(options_.corpus)));
  for (const Part& part : parts_) hash.update(to_json(part.parameters));
  for (const TextUnit& unit : text_.units()) hash.update(identity_of(unit));
  return hash_text(hash.digest());
}

std::optional<PrepareReport> PrepareJob::already_there() {
  PrepareReport report;
  report.outcome = PrepareOutcome::already_there;
  std::vector<Manifest> manifests;
  for (const Part& part : parts_) {
    const auto manifest = finished_part_of_any_source(part.place, part.parameters);
    if (!manifest) return std::nullopt;
    manifests.push_back(*manifest);
  }
  std::vector<std::uint64_t> hashes(text_.units().size());
  run_tasks(options_.threads, hashes.size(),
            [&](int, std::size_t unit) { hashes[unit] = text_.source_hash(unit); });
  const std::uint64_t source = combined_source_hash(hashes, options_.corpus);
  for (const Manifest& manifest : manifests) {
    if (manifest.parameters.source_hash != source) return std::nullopt;
  }
  report.train = parts_[0].place;
  report.train_counts = manifests[0].counts;
  if (parts_.size() > 1) {
    report.valid = parts_[1].place;
    report.valid_counts = manifests[1].counts;
  }
  return report;
}

void PrepareJob::open() {
  for (const char* name : {"train", "valid"}) {
    check_replaceable(fs::path(options_.samples.out) / name);
  }
  if (read_checked(work_ / kKeyFile) == key_) {
    remove_torn_files(work_);
    for (const Part& part : parts_) {
      fs::create_directories(part.temporary);
      remove_torn_files(part.temporary);
    }
    return;
  }
  fs::remove_all(work_);
  for (const char* name : {"train.tmp-prepare", "valid.tmp-prepare"}) {
    fs::remove_all(fs::path(options_.samples.out) / name);
  }
  fs::create_directories(work_);
  for (const Part& part : parts_) fs::create_directories(part.temporary);
  write_checked(work_ / kKeyFile, key_);
}

void PrepareJob::report_progress(std::string_view stage, std::uint64_t amount) {
  if (!progress_) return;
  const std::lock_guard lock(reporting_);
  reported_.stage = stage;
  reported_.done += amount;
  progress_(reported_);
}

void PrepareJob::run_text(WorkShare share) {
  const std::vector<std::size_t> mine = share.of(text_.groups());
  reported_ = {"text", 0, 0};
  for (const std::size_t group : mine) reported_.total += text_.group_bytes(group);
  const int threads = text_threads(options_.threads, options_.memory, options_.corpus.layout);
  std::vector<TokenizerWorker> workers;
  for (int i = 0; i < threads; ++i) workers.push_back(text_.make_worker());
  run_tasks(threads, mine.size(), [&](int thread, std::size_t i) {
    text_.run(mine[i], workers[static_cast<std::size_t>(thread)]);
    report_progress("text", text_.group_bytes(mine[i]));
  });
}

void PrepareJob::check_documents(const TextJob::Result& text) const {
  for (const Part& part : parts_) {
    bertyard::check_documents(
        part.part, text.parts[static_cast<std::size_t>(part.part)].document_count(), options_);
  }
}

ShardJob PrepareJob::shard_job(const Part& part, const TextJob::Result& text) const {
  ShardParameters parameters = part.parameters;
  parameters.source_hash = combined_source_hash(text.unit_hashes, options_.corpus);
  return ShardJob(text.parts[static_cast<std::size_t>(part.part)], parameters, vocabulary_,
                  part.temporary, work_);
}

void PrepareJob::run_shards(WorkShare share) {
  const TextJob::Result text = text_.gather();
  check_documents(text);
  std::vector<ShardJob> jobs;
  jobs.reserve(parts_.size());
  std::uint64_t largest = 0;
  for (const Part& part : parts_) {
    jobs.push_back(shard_job(part, text));
    for (std::size_t i = 0; i < jobs.back().shards(); ++i) {
      largest = std::max(largest, jobs.back().shard_bytes(i));
    }
  }
  const int threads = shard_threads(options_.threads, options_.memory, largest);
  reported_ = {"samples", 0, 0};
  for (const ShardJob& job : jobs) {
    for (const std::size_t shard : share.of(job.shards())) {
      reported_.total += job.shard_tokens(shard);
    }
  }
  for (const ShardJob& job : jobs) {
    for (const std::size_t shard : share.of(job.shards())) {
      job.run(shard, threads, [this](std::uint64_t tokens) { report_progress("samples", tokens); });
    }
  }
}

std::string PrepareJob::source_text(const TextJob::Result& text) const {
  using Json = nlohmann::json;
  Json counts;
  for (const CorpusCountField& field : kCorpusCountFields) {
    counts[field.name] = text.counts.*field.member;
  }
  Json files = Json::array();
  for (std::size_t i = 0; i < text_.units().size(); ++i) {
    if (text_.units()[i].begin == 0) {
      files.push_back({{"path", text_.units()[i].path}, {"bytes", 0}, {"xxh3", Json::array()}});
    }
    files.back()["bytes"] =
        files.back()["bytes"].get<std::uint64_t>() + byte_count(text_.units()[i]);
    files.back()["xxh3"].push_back(hash_text(text.unit_hashes[i]));
  }
  Json faults = Json::array();
  for (const LineFault& fault : text.faults) {
    faults.push_back(to_text(fault));
  }
  return dump_json(Json{{"counts", counts}, {"files", files}, {"bad_lines", faults}});
}

Manifest PrepareJob::finish_part(const Part& part, const TextJob::Result& text) const {
  const auto number = static_cast<std::size_t>(part.part);
  const ShardJob job = shard_job(part, text);
  Manifest manifest;
  manifest.parameters = part.parameters;
  manifest.parameters.source_hash = combined_source_hash(text.unit_hashes, options_.corpus);
  ShardCounts& counts = manifest.counts;
  counts.documents = text.parts[number].document_count();
  counts.sentences = text.parts[number].sentence_count();
  counts.text_tokens = text.parts[number].token_count();
  counts.unknown_tokens = text.unknown[number];
  std::vector<std::uint64_t> unigram(vocabulary_.size(), 0);
  for (std::size_t i = 0; i < job.shards(); ++i) {
    const ShardRecord record = job.record(i);
    manifest.shards.push_back(record.entry);
    counts.samples += record.counts.samples;
    counts.sample_tokens += record.counts.sample_tokens;
    counts.masked_tokens += record.counts.masked_tokens;
    counts.random_next += record.counts.random_next;
    for (std::size_t id = 0; id < unigram.size(); ++id) unigram[id] += record.unigram[id];
  }
  if (part.part == CorpusPart::train) manifest.unigram = write_unigram(part.temporary, unigram);
  manifest.source = source_text(text);
  write_manifest(part.temporary, manifest);
  put_in_place(part.temporary, part.place);
  return manifest;
}

PrepareReport PrepareJob::finish() {
  const TextJob::Result text = text_.gather();
  PrepareReport report;
  report.corpus = text.counts;
  for (const LineFault& fault : text.faults) {
    report.faults.push_back(to_text(fault));
  }
  for (const Part& part : parts_) {
    const Manifest manifest = finish_part(part, text);
    const bool train = part.part == CorpusPart::train;
    (train ? report.train : report.valid) = part.place;
    (train ? report.train_counts : report.valid_counts) = manifest.counts;
  }
  if (parts_.size() == 1) fs::remove_all(fs::path(options_.samples.out) / "valid");
  fs::remove_all(work_);
  return report;
}

}  // namespace bertyard
