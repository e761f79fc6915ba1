// SPDX-License-Identifier: Apache-2.0
#include "parallel/agreement.h"

#include <cstdint>
#include <cstring>
#include <map>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/hash.h"

namespace bertyard {
namespace {

constexpr const char* kWhat = "comparison of builds and configurations";
constexpr std::size_t kShownCharacters = 60;

// What differs: the ranks by value, for one item.
using RanksByValue = std::map<std::string, std::vector<int>>;
struct Comparison {
  ItemOrigin origin = ItemOrigin::configuration;
  RanksByValue ranks;
};

void append(std::string& text, std::string_view field) {
  text += std::to_string(field.size());
  text += ':';
  text += field;
}

std::string take(std::string_view& text) {
  const std::size_t colon = text.find(':');
  const std::size_t length = std::stoul(std::string(text.substr(0, colon)));
  std::string field(text.substr(colon + 1, length));
  text.remove_prefix(colon + 1 + length);
  return field;
}

std::string encode(const std::vector<AgreementItem>& items) {
  std::string text;
  for (const AgreementItem& item : items) {
    append(text, item.name);
    append(text, item.value);
    append(text, item.origin == ItemOrigin::configuration ? "c" : "e");
  }
  return text;
}

std::map<std::string, Comparison> compare(const std::vector<std::string>& encoded) {
  std::map<std::string, Comparison> items;
  for (std::size_t rank = 0; rank < encoded.size(); ++rank) {
    std::string_view rest = encoded[rank];
    while (!rest.empty()) {
      Comparison& item = items[take(rest)];
      item.ranks[take(rest)].push_back(static_cast<int>(rank));
      item.origin = take(rest) == "c" ? ItemOrigin::configuration : ItemOrigin::environment;
    }
  }
  for (auto& [name, item] : items) {
    std::vector<bool> seen(encoded.size(), false);
    for (const auto& [value, ranks] : item.ranks) {
      for (const int rank : ranks) seen[static_cast<std::size_t>(rank)] = true;
    }
    for (std::size_t rank = 0; rank < seen.size(); ++rank) {
      if (!seen[rank]) item.ranks["(absent)"].push_back(static_cast<int>(rank));
    }
  }
  return items;
}

std::string shown(const std::string& value) {
  return value.size() <= kShownCharacters ? value : value.substr(0, kShownCharacters) + "...";
}

std::string describe(const std::string& name, const RanksByValue& ranks_by_value) {
  std::vector<std::string> parts;
  for (const auto& [value, ranks] : ranks_by_value) {
    parts.push_back(fmt::format("'{}' on {} {}", shown(value), ranks.size() == 1 ? "rank" : "ranks",
                                rank_list(ranks)));
  }
  return fmt::format("\n  {}: {}", name, fmt::join(parts, "; "));
}

}  // namespace

void check_same_everywhere(ControlPlane& control, const std::vector<AgreementItem>& items) {
  const std::string mine = encode(items);
  if (control.ranks_that_differ(kWhat, hash_text(xxh3(mine))).empty()) return;
  std::string configuration;
  std::string environment;
  for (const auto& [name, item] : compare(control.all_gather_strings(kWhat, mine))) {
    if (item.ranks.size() == 1) continue;
    (item.origin == ItemOrigin::configuration ? configuration : environment) +=
        describe(name, item.ranks);
  }
  if (!environment.empty()) {
    throw EnvironmentError(fmt::format(
        "the ranks do not run the same program in the same environment:{}{}\n  fix: start every "
        "rank from one installation, on machines of one kind",
        environment, configuration));
  }
  if (configuration.empty()) return;  // the same items in another order
  throw UsageError(fmt::format(
      "the ranks do not have the same configuration:{}\n  fix: give every rank the same file and "
      "the same command line",
      configuration));
}

std::string rank_list(const std::vector<int>& ranks) {
  std::vector<std::string> runs;
  for (std::size_t i = 0; i < ranks.size();) {
    std::size_t last = i;
    while (last + 1 < ranks.size() && ranks[last + 1] == ranks[last] + 1) ++last;
    runs.push_back(last == i ? std::to_string(ranks[i])
                             : fmt::format("{}-{}", ranks[i], ranks[last]));
    i = last + 1;
  }
  return fmt::format("{}", fmt::join(runs, ", "));
}

}  // namespace bertyard
