// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "launch/config/config.h"
#include "launch/config/config_field.h"

namespace bertyard {
namespace {

using Json = nlohmann::ordered_json;

// The schema of a section, made when its first key comes.
Json& section(Json& parent, const std::string& name) {
  Json& schema = parent["properties"][name];
  if (schema.is_null()) {
    schema = {{"type", {"object", "null"}},
              {"additionalProperties", false},
              {"properties", Json::object()}};
  }
  return schema;
}

Json& phases(Json& parent) {
  Json& schema = parent["properties"]["schedule"];
  if (schema.is_null()) {
    schema = {{"type", "array"},
              {"minItems", 1},
              {"items",
               {{"type", "object"},
                {"required", {"until"}},
                {"additionalProperties", false},
                {"properties", Json::object()}}}};
  }
  return schema["items"];
}

Json leaf(const ConfigField& field) {
  Json schema = Json::parse(field.schema);
  if (field.key == "parallel.threads") schema = {{"type", {"integer", "string"}}};
  schema["description"] = field.meaning;
  return schema;
}

void add_field(Json& root, const ConfigField& field) {
  Json* parent = &root;
  std::string rest = field.key;
  for (std::size_t dot = rest.find('.'); dot != std::string::npos; dot = rest.find('.')) {
    const std::string name = rest.substr(0, dot);
    if (name == "schedule") {
      parent = &phases(*parent);
    } else if (name != "*") {
      parent = &section(*parent, name);
    }
    rest = rest.substr(dot + 1);
  }
  (*parent)["properties"][rest] = leaf(field);
}

}  // namespace

std::string config_schema() {
  Json root{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
            {"title", "bertyard configuration"},
            {"type", "object"},
            {"additionalProperties", false},
            {"properties", Json::object()}};
  root["properties"]["extends"] = {{"type", "string"},
                                   {"description", "another configuration to start from"}};
  for (const ConfigField& field : config_fields()) add_field(root, field);
  Json& batch = root["properties"]["parallel"]["properties"]["micro_batch"];
  batch = {{"anyOf", {Json{{"const", "auto"}}, batch}}};
  return root.dump(2) + "\n";
}

}  // namespace bertyard
