// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "launch/config/config_source.h"

namespace bertyard {

struct ConfigEntry;

// A parsed YAML value without any guess at its type: scalars stay text. Owns its children.
struct ConfigNode {
  enum class Kind {
    empty,  // nothing after the colon
    null,   // an explicit null
    scalar,
    list,
    map,
  };
  Kind kind = Kind::empty;
  std::string text;  // of a scalar
  ConfigPlace place;
  std::vector<ConfigNode> items;     // of a list
  std::vector<ConfigEntry> entries;  // of a map, in the order of the text, keys unique
};

struct ConfigEntry {
  std::string key;
  ConfigPlace place;  // of the key
  ConfigNode value;
};

inline ConfigNode make_node(ConfigNode::Kind kind, const ConfigPlace& place) {
  ConfigNode node;
  node.kind = kind;
  node.place = place;
  return node;
}

// Limits on what the parser is given: a configuration is written by a person.
inline constexpr std::size_t kMaxConfigBytes = 1u << 20;
inline constexpr int kMaxConfigDepth = 16;

// Refuses what could hurt the YAML library, before that sees the text: more than kMaxConfigBytes,
// brackets or indentation nested too deep, control characters; and tabs in the indentation. Says
// whether the text passed.
bool check_text_bounds(const ConfigSource& source, ConfigErrors& errors);

// One YAML document as a tree. Duplicate keys, `<<`, anchors, aliases, tags, keys that are not
// plain text and further documents are mistakes. `first_column` is where `text` starts in the
// source's first line, for the value of a command-line override.
ConfigNode parse_yaml(const ConfigSource& source, std::string_view text, int first_column,
                      ConfigErrors& errors);
inline ConfigNode parse_yaml(const ConfigSource& source, ConfigErrors& errors) {
  return parse_yaml(source, source.text, 1, errors);
}

}  // namespace bertyard
