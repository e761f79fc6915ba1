// SPDX-License-Identifier: Apache-2.0
#include "data/tokenizer/piece_merger.h"

#include <algorithm>
#include <utility>

namespace bertyard {

bool PieceMerger::ComesLater::operator()(const Pair& a, const Pair& b) const {
  if (a.count != b.count) return a.count < b.count;
  if (a.left != b.left) return merger->text(a.left) > merger->text(b.left);
  return merger->text(a.right) > merger->text(b.right);
}

std::uint32_t PieceMerger::add_piece(std::string_view text) {
  const auto [entry, added] = ids_.emplace(text, static_cast<std::uint32_t>(texts_.size()));
  if (added) texts_.emplace_back(text);
  return entry->second;
}

void PieceMerger::add_word(std::span<const std::uint32_t> pieces, std::uint64_t count) {
  words_.push_back({pieces_.size(), count, static_cast<std::uint32_t>(pieces.size())});
  pieces_.insert(pieces_.end(), pieces.begin(), pieces.end());
}

void PieceMerger::change_count(std::uint32_t left, std::uint32_t right, std::int64_t difference,
                               std::uint32_t word) {
  PairState& state = pairs_[key(left, right)];
  state.count += difference;
  if (difference > 0 && (state.words.empty() || state.words.back() != word)) {
    state.words.push_back(word);
  }
}

void PieceMerger::count_pairs() {
  for (std::uint32_t index = 0; index < words_.size(); ++index) {
    const Word& word = words_[index];
    const auto pieces = std::span(pieces_).subspan(word.first, word.size);
    for (std::size_t i = 0; i + 1 < pieces.size(); ++i) {
      change_count(pieces[i], pieces[i + 1], static_cast<std::int64_t>(word.count), index);
    }
  }
  for (const auto& [pair, state] : pairs_) {
    queue_.push({static_cast<std::uint32_t>(pair >> 32), static_cast<std::uint32_t>(pair),
                 static_cast<std::uint64_t>(state.count)});
  }
}

std::optional<PieceMerger::Pair> PieceMerger::best() {
  while (!queue_.empty()) {
    Pair top = queue_.top();
    const auto found = pairs_.find(key(top.left, top.right));
    const std::int64_t count = found == pairs_.end() ? 0 : found->second.count;
    if (count > 0 && static_cast<std::uint64_t>(count) == top.count) return top;
    queue_.pop();
    // A pair that grew was queued again by merge(); one that shrank comes back at its new place.
    if (count > 0 && static_cast<std::uint64_t>(count) < top.count) {
      top.count = static_cast<std::uint64_t>(count);
      queue_.push(top);
    }
  }
  return std::nullopt;
}

std::uint32_t PieceMerger::merge(const Pair& pair) {
  constexpr std::size_t kContinuationMark = 2;  // "##"
  const std::uint32_t merged =
      add_piece(texts_[pair.left] + texts_[pair.right].substr(kContinuationMark));
  const auto found = pairs_.find(key(pair.left, pair.right));
  const std::vector<std::uint32_t> words = std::move(found->second.words);
  pairs_.erase(found);
  for (const std::uint32_t word : words) merge_in_word(word, pair, merged);
  pairs_.erase(key(pair.left, pair.right));
  std::sort(grown_.begin(), grown_.end());
  grown_.erase(std::unique(grown_.begin(), grown_.end()), grown_.end());
  for (const std::uint64_t grown : grown_) {
    const auto state = pairs_.find(grown);
    if (state == pairs_.end() || state->second.count <= 0) continue;
    queue_.push({static_cast<std::uint32_t>(grown >> 32), static_cast<std::uint32_t>(grown),
                 static_cast<std::uint64_t>(state->second.count)});
  }
  grown_.clear();
  return merged;
}

// Left to right, as Hugging Face's does: of three equal pieces in a row the first two merge.
void PieceMerger::merge_in_word(std::uint32_t index, const Pair& pair, std::uint32_t merged) {
  Word& word = words_[index];
  const auto count = static_cast<std::int64_t>(word.count);
  const auto pieces = std::span(pieces_).subspan(word.first, word.size);
  const auto grow = [&](std::uint32_t left, std::uint32_t right) {
    change_count(left, right, count, index);
    grown_.push_back(key(left, right));
  };
  std::uint32_t kept = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i] != pair.left || i + 1 == pieces.size() || pieces[i + 1] != pair.right) {
      pieces[kept++] = pieces[i];
      continue;
    }
    if (kept > 0) {
      change_count(pieces[kept - 1], pair.left, -count, index);
      grow(pieces[kept - 1], merged);
    }
    if (i + 2 < pieces.size()) {
      change_count(pair.right, pieces[i + 2], -count, index);
      grow(merged, pieces[i + 2]);
    }
    pieces[kept++] = merged;
    ++i;
  }
  word.size = kept;
}

}  // namespace bertyard
