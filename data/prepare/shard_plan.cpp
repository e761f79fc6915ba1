// SPDX-License-Identifier: Apache-2.0
#include "data/prepare/shard_plan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/base/philox.h"
#include "data/shards/hdf5_shard_format.h"

namespace bertyard {
namespace {

// Takes the place of the duplication round in the key of the draws; no round gets that far.
constexpr std::uint32_t kPlanRound = 0xFFFFFFFEu;
constexpr int kDrawnDocuments = 4096;  // their mean is within 1% of a sample's length

bool stores_masks(const ShardParameters& parameters) {
  return parameters.mask.when == MaskTime::prepare;
}

// Bytes of samples for a token of text in documents that fill samples.
double shard_bytes_per_token(const ShardParameters& parameters) {
  const bool draws_others = parameters.next_sentence == NextSentence::nsp;
  const double length = 0.85 * parameters.max_length;
  const double bytes = static_cast<double>(shard_format::id_bytes(parameters.vocabulary_size));
  double of_sample = length * bytes + 11;
  if (stores_masks(parameters)) of_sample += 8 + parameters.mask.rate * length * (2 + bytes);
  return (draws_others ? 1.3 : 1.03) * parameters.duplicate * of_sample / length;
}

// What a random next sentence finds, in the mean over random documents and sentences, in tokens.
struct RandomNext {
  double sentence = 0;  // that sentence alone
  double rest = 0;      // and what follows it in the document
};

// Neither counts more than `room`.
RandomNext mean_random_next(const TokenStore& store, std::size_t room) {
  const StoredDocuments documents(store);
  PhiloxSequence draws(0, RandomPurpose::sample_building, kPlanRound, 0);
  RandomNext sum;
  for (int i = 0; i < kDrawnDocuments; ++i) {
    const auto document = draws.next_below(static_cast<std::uint32_t>(store.document_count()));
    const std::size_t sentences = documents.sentences_in(document);
    std::size_t at = draws.next_below(static_cast<std::uint32_t>(sentences));
    std::size_t rest = documents.sentence(document, at).size();
    sum.sentence += static_cast<double>(std::min(rest, room));
    while (++at < sentences && rest < room) rest += documents.sentence(document, at).size();
    sum.rest += static_cast<double>(std::min(rest, room));
  }
  return {sum.sentence / kDrawnDocuments, sum.rest / kDrawnDocuments};
}

// How many bytes the samples of some documents take, about: of text and, for each document, of what
// is added to its end. A random next sentence adds text from elsewhere, to a short document many
// times its own: how much depends on all documents.
class ShardEstimate {
 public:
  ShardEstimate(const TokenStore& store, const ShardParameters& parameters);
  std::uint64_t bytes(std::uint64_t documents, std::uint64_t tokens) const;

 private:
  double per_token_;
  double per_document_;
};

// With T the tokens that samples of a document aim at, those of pairs from elsewhere (nsp) use 3/4
// T of it: half of them leave half of their text to come again. The end of a document is halved in
// this way, so it makes about one sample with a random B and up to one without. T is the room for
// text, or in the share of short documents evenly spread below, with a mean of 1 / T of ln(room) /
// room.
//   samples: 4/3 of 1 / T for a token, 2 for a document
//   tokens of a random B: for every second of the former T / 2, no more than there is, or where T
//   is short a sentence more; `rest` for a document
ShardEstimate::ShardEstimate(const TokenStore& store, const ShardParameters& parameters) {
  const double room = parameters.max_length - 3;
  const double short_share = parameters.short_sequence;
  const double mean_inverse = std::log(room) / room;
  const double samples_per_token =
      4.0 / 3.0 * ((1 - short_share) / room + short_share * mean_inverse);
  const bool draws_others =
      parameters.next_sentence == NextSentence::nsp && store.document_count() > 0;
  const double samples_per_document = draws_others ? 2 : 1;
  RandomNext next;
  double borrowed = 0;  // for a token
  if (draws_others) {
    next = mean_random_next(store, static_cast<std::size_t>(room));
    borrowed = 2.0 / 3.0 *
               ((1 - short_share) * std::min(next.rest / room, 0.5) +
                short_share * (0.5 + mean_inverse * next.sentence));
  }
  const auto id = static_cast<double>(shard_format::id_bytes(parameters.vocabulary_size));
  double of_token = id;
  double of_sample = 3 * id + 15;  // its place, length and label, and the order while it is built
  if (stores_masks(parameters)) {
    of_token += parameters.mask.rate * (2 + id);
    of_sample += 8 + (2 + id);
  }
  per_token_ = parameters.duplicate * ((1 + borrowed) * of_token + samples_per_token * of_sample);
  per_document_ = parameters.duplicate * (next.rest * of_token + samples_per_document * of_sample);
}

std::uint64_t ShardEstimate::bytes(std::uint64_t documents, std::uint64_t tokens) const {
  return static_cast<std::uint64_t>(per_document_ * static_cast<double>(documents) +
                                    per_token_ * static_cast<double>(tokens));
}

class Planner {
 public:
  Planner(const TokenStore& store, const ShardParameters& parameters)
      : store_(store), estimate_(store, parameters), wanted_(parameters.shard_bytes) {}

  // Documents [begin, end) as one shard, or as several where they make too much.
  void add(std::size_t begin, std::size_t end) {
    const double most = kLargestShard * static_cast<double>(wanted_);
    while (begin < end) {
      PlannedShard shard{begin, end, bytes(begin, end)};
      if (static_cast<double>(shard.bytes) > most) {
        shard.end = first_that_exceeds(begin, end);
        shard.bytes = bytes(begin, shard.end);
      }
      plans_.push_back(shard);
      begin = shard.end;
    }
  }
  std::vector<PlannedShard> take() { return std::move(plans_); }

 private:
  std::uint64_t bytes(std::size_t begin, std::size_t end) const {
    return estimate_.bytes(end - begin, store_.first_token_of(end) - store_.first_token_of(begin));
  }
  // At least one document behind `begin`.
  std::size_t first_that_exceeds(std::size_t begin, std::size_t end) const {
    std::size_t fitting = begin + 1;
    while (end - fitting > 1) {
      const std::size_t middle = fitting + (end - fitting) / 2;
      (bytes(begin, middle) <= wanted_ ? fitting : end) = middle;
    }
    return fitting;
  }

  const TokenStore& store_;
  ShardEstimate estimate_;
  std::uint64_t wanted_;
  std::vector<PlannedShard> plans_;
};

}  // namespace

std::vector<PlannedShard> plan_shards(const TokenStore& store, const ShardParameters& parameters) {
  const auto tokens = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(static_cast<double>(parameters.shard_bytes) /
                                    shard_bytes_per_token(parameters)));
  Planner planner(store, parameters);
  std::size_t begin = 0;
  for (std::uint64_t end_token = tokens; begin < store.document_count(); end_token += tokens) {
    const std::size_t end = store.document_at_token(end_token);
    planner.add(begin, end);
    begin = end;
  }
  return planner.take();
}

}  // namespace bertyard
