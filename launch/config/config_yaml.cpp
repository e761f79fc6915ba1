// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <exception>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "launch/config/config_tree.h"

namespace bertyard {
namespace {

// Ends the parse from inside an event; the mistake has been recorded.
struct StopParsing : std::exception {};

// Builds the tree from the parser's events. The library's own Node would accept duplicate keys and
// give values by guess; an event per scalar leaves every decision here. It also bounds the parser's
// recursion, for each level of nesting passes through open().
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const ConfigSource& source, int first_column, ConfigErrors& errors)
      : source_(source), first_column_(first_column), errors_(errors) {}

  ConfigNode take_root() { return std::move(root_); }

  ConfigPlace place_of(const YAML::Mark& mark) const {
    if (mark.is_null()) return {&source_, 0, 0};
    const int shift = mark.line == 0 ? first_column_ : 1;
    return {&source_, mark.line + 1, mark.column + shift};
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) fail(mark, "a second document starts here; keep one");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    const ConfigPlace place = place_of(mark);
    close(make_node(is_written(place) ? ConfigNode::Kind::null : ConfigNode::Kind::empty, place));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse_anchor(mark, 1);
    close(make_node(ConfigNode::Kind::null, place_of(mark)));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    ConfigNode node = make_node(ConfigNode::Kind::scalar, place_of(mark));
    node.text = value;
    close(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, ConfigNode::Kind::list);
  }
  void OnSequenceEnd() override { close_open(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, ConfigNode::Kind::map);
  }
  void OnMapEnd() override { close_open(); }

 private:
  // A container under construction; of a map also the key that waits for its value.
  struct Level {
    ConfigNode node;
    bool has_key = false;
    std::string key;
    ConfigPlace key_place;
  };

  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& message) {
    errors_.add(place_of(mark), message);
    throw StopParsing();
  }

  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor == 0) return;
    errors_.add(place_of(mark),
                "anchors (&) and aliases (*) are not supported; write the value "
                "out, or quote it");
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    errors_.add(place_of(mark), "tags (!) are not supported; remove it, or quote the value");
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            ConfigNode::Kind kind) {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (static_cast<int>(levels_.size()) >= kMaxConfigDepth) {
      fail(mark,
           fmt::format("nested too deep; a configuration has at most {} levels", kMaxConfigDepth));
    }
    const bool would_be_key = !levels_.empty() && expects_key(levels_.back());
    if (would_be_key) fail(mark, "a key must be plain text; is a bracket left open?");
    levels_.emplace_back().node = make_node(kind, place_of(mark));
  }

  void close_open() {
    ConfigNode node = std::move(levels_.back().node);
    levels_.pop_back();
    close(std::move(node));
  }

  static bool expects_key(const Level& level) {
    return level.node.kind == ConfigNode::Kind::map && !level.has_key;
  }

  void close(ConfigNode node) {
    if (levels_.empty()) {
      root_ = std::move(node);
    } else if (levels_.back().node.kind == ConfigNode::Kind::list) {
      levels_.back().node.items.push_back(std::move(node));
    } else if (expects_key(levels_.back())) {
      levels_.back().has_key = true;
      levels_.back().key = node.text;
      levels_.back().key_place = node.place;
    } else {
      add_entry(levels_.back(), std::move(node));
    }
  }

  void add_entry(Level& level, ConfigNode value) {
    level.has_key = false;
    auto& entries = level.node.entries;
    const auto same = std::find_if(entries.begin(), entries.end(),
                                   [&level](const auto& entry) { return entry.key == level.key; });
    if (level.key == "<<") {
      errors_.add(level.key_place, "merge keys (<<) are not supported; use 'extends'");
    } else if (same != entries.end()) {
      errors_.add(level.key_place, fmt::format("duplicate key '{}'; keep one of them", path()));
    } else {
      entries.push_back({level.key, level.key_place, std::move(value)});
    }
  }

  std::string path() const {
    std::string text;
    for (const Level& level : levels_) {
      const bool is_list = level.node.kind == ConfigNode::Kind::list;
      const std::string part = is_list ? std::to_string(level.node.items.size()) : level.key;
      text += (text.empty() ? "" : ".") + part;
    }
    return text;
  }

  bool is_written(const ConfigPlace& place) const;

  const ConfigSource& source_;
  const int first_column_;
  ConfigErrors& errors_;
  std::vector<Level> levels_;
  ConfigNode root_;
  int documents_ = 0;
};

bool TreeBuilder::is_written(const ConfigPlace& place) const {
  std::string_view rest = source_.text;
  for (int line = 1; line < place.line; ++line) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return false;
    rest.remove_prefix(end + 1);
  }
  if (place.column < 1 || static_cast<std::size_t>(place.column) > rest.size()) return false;
  rest.remove_prefix(static_cast<std::size_t>(place.column - 1));
  return rest.starts_with("~") || rest.starts_with("null") || rest.starts_with("Null") ||
         rest.starts_with("NULL");
}

}  // namespace

ConfigNode parse_yaml(const ConfigSource& source, std::string_view text, int first_column,
                      ConfigErrors& errors) {
  TreeBuilder builder(source, first_column, errors);
  std::istringstream stream{std::string(text)};
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const StopParsing&) {
    return {};
  } catch (const YAML::Exception& error) {
    errors.add(builder.place_of(error.mark), fmt::format("not valid YAML: {}", error.msg));
    return {};
  }
  return builder.take_root();
}

}  // namespace bertyard
