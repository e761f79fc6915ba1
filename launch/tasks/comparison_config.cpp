// SPDX-License-Identifier: Apache-2.0
#include "launch/tasks/comparison_config.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "data/files/file_writer.h"
#include "launch/config/config_suggestion.h"
#include "launch/config/config_tree.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using Kind = ConfigNode::Kind;

constexpr char kRandom[] = "random";

// Reads one file; every mistake is kept with its place.
class ComparisonReader {
 public:
  explicit ComparisonReader(const std::string& path) {
    source_.name = path;
    try {
      source_.text = read_file(path);
    } catch (const IoError& error) {
      errors_.add({}, fmt::format("cannot read the comparison: {}", error.what()));
    }
  }

  Comparison read() {
    if (errors_.empty() && check_text_bounds(source_, errors_)) {
      const ConfigNode root = parse_yaml(source_, errors_);
      if (errors_.empty()) read_root(root);
    }
    errors_.throw_if_any();
    return std::move(comparison_);
  }

 private:
  using Readers = std::vector<std::pair<std::string, std::function<void(const ConfigNode&)>>>;

  // A map whose keys are all known; `where` stands before an unknown one.
  void read_map(const ConfigNode& node, const std::string& where, const Readers& readers) {
    std::vector<std::string> names;
    for (const auto& [name, read] : readers) names.push_back(name);
    if (node.kind != Kind::map) {
      errors_.add(node.place, fmt::format("{} has the keys {}", where.empty() ? "it" : where,
                                          fmt::join(names, ", ")));
      return;
    }
    for (const ConfigEntry& entry : node.entries) {
      const auto reader = std::find_if(readers.begin(), readers.end(),
                                       [&](const auto& known) { return known.first == entry.key; });
      if (reader != readers.end()) {
        reader->second(entry.value);
        continue;
      }
      const auto nearest = nearest_name(entry.key, names);
      errors_.add(entry.place,
                  fmt::format("unknown key '{}'; {}", entry.key,
                              nearest ? fmt::format("did you mean '{}'?", *nearest)
                                      : fmt::format("expected {}", fmt::join(names, ", "))));
    }
  }

  void read_text(const ConfigNode& node, const char* what, std::string& text) {
    if (node.kind == Kind::scalar && !node.text.empty()) {
      text = node.text;
    } else {
      errors_.add(node.place, fmt::format("expected {}", what));
    }
  }

  void read_list(const ConfigNode& node, const char* what,
                 const std::function<void(const ConfigNode&)>& read) {
    if (node.kind != Kind::list || node.items.empty()) {
      errors_.add(node.place, fmt::format("expected a list of {}", what));
      return;
    }
    for (const ConfigNode& item : node.items) read(item);
  }

  std::string beside(const std::string& path) const {
    return (fs::path(source_.name).parent_path() / path).lexically_normal().string();
  }

  void read_seed(const ConfigNode& node) {
    std::int64_t seed = -1;
    const char* end = node.text.data() + node.text.size();
    const auto [at, error] = std::from_chars(node.text.data(), end, seed);
    if (node.kind != Kind::scalar || error != std::errc() || at != end || seed < 0) {
      errors_.add(node.place, "expected a seed, a whole number of at least 0");
      return;
    }
    auto& seeds = comparison_.seeds;
    if (std::find(seeds.begin(), seeds.end(), seed) != seeds.end()) {
      errors_.add(node.place, fmt::format("the seed {} stands here twice", seed));
      return;
    }
    seeds.push_back(seed);
  }

  void read_changes(const ConfigNode& node, std::vector<ConfigOverride>& changes) {
    read_list(node, "changes such as task.limit=1000", [&](const ConfigNode& item) {
      std::string text;
      read_text(item, "a change such as task.limit=1000", text);
      if (!text.empty()) check_change(text, item.place);
      if (!text.empty()) changes.push_back({text, 0, place_text(item.place)});
    });
  }

  void check_change(const std::string& text, const ConfigPlace& place) {
    for (const std::string_view key : {"run.name", "run.dir", "model.from", "finetune.seeds"}) {
      if (!text.starts_with(fmt::format("{}=", key))) continue;
      errors_.add(place,
                  fmt::format("'{}' is the comparison's own to set; use its run, seeds, or a "
                              "system's from",
                              key));
    }
  }

  void read_system(const ConfigNode& node) {
    ComparedSystem system;
    read_map(node, "a system",
             {{"name", [&](const auto& value) { read_text(value, "a name", system.name); }},
              {"pretrain",
               [&](const auto& value) {
                 read_text(value, "the path of a configuration", system.pretrain);
                 system.pretrain = beside(system.pretrain);
               }},
              {"from",
               [&](const auto& value) {
                 read_text(value, "a model's directory, or random", system.from);
               }},
              {"set", [&](const auto& value) { read_changes(value, system.changes); }}});
    system.is_random = system.from == kRandom;
    if (system.is_random) system.from.clear();
    check_system(system, node.place);
    comparison_.systems.push_back(std::move(system));
  }

  void check_system(const ComparedSystem& system, const ConfigPlace& place) {
    const int starts = (system.pretrain.empty() ? 0 : 1) + (system.from.empty() ? 0 : 1) +
                       (system.is_random ? 1 : 0);
    if (system.name.empty()) errors_.add(place, "this system has no name");
    if (starts != 1) {
      errors_.add(
          place,
          "a system has one of: pretrain, the configuration to train it by; from, a model's "
          "directory; from: random");
    }
    for (const ComparedSystem& other : comparison_.systems) {
      if (system.name.empty() || other.directory_name() != system.directory_name()) continue;
      errors_.add(place, fmt::format("'{}' has the directory of '{}', {}; give it another name",
                                     system.name, other.name, system.directory_name()));
    }
  }

  void read_root(const ConfigNode& root) {
    comparison_.seeds.clear();
    read_map(
        root, "",
        {{"run",
          [&](const auto& node) {
            read_map(
                node, "run",
                {{"name",
                  [&](const auto& value) { read_text(value, "a name", comparison_.run.name); }},
                 {"dir", [&](const auto& value) {
                    read_text(value, "a directory", comparison_.run.directory);
                  }}});
          }},
         {"seeds",
          [&](const auto& node) {
            read_list(node, "seeds such as [1, 2, 3]", [&](const auto& item) { read_seed(item); });
          }},
         {"systems",
          [&](const auto& node) {
            read_list(node, "systems", [&](const auto& item) { read_system(item); });
          }},
         {"tasks",
          [&](const auto& node) {
            read_list(node, "configurations of tasks", [&](const auto& item) {
              std::string task;
              read_text(item, "the path of a configuration for `finetune`", task);
              comparison_.tasks.push_back(beside(task));
            });
          }},
         {"set", [&](const auto& node) { read_changes(node, comparison_.changes); }}});
    if (comparison_.seeds.empty()) comparison_.seeds = Comparison().seeds;
    if (comparison_.systems.empty()) errors_.add({&source_, 0, 0}, "'systems' is missing");
    if (comparison_.tasks.empty()) errors_.add({&source_, 0, 0}, "'tasks' is missing");
  }

  ConfigSource source_;
  ConfigErrors errors_;
  Comparison comparison_;
};

}  // namespace

std::string ComparedSystem::directory_name() const {
  std::string text;
  for (const char c : name) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
    text += is_plain ? c : '-';
  }
  return text;
}

Comparison load_comparison(const std::string& path) {
  return ComparisonReader(path).read();
}

}  // namespace bertyard
