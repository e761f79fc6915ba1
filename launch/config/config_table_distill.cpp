// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "launch/config/config_field.h"

namespace bertyard {
namespace {

constexpr FieldRole kIdentity = FieldRole::newer_identity;

constexpr NamedValue<StudentStart> kStarts[] = {{StudentStart::teacher, "teacher"},
                                                {StudentStart::random, "random"}};

ConfigField layers_field() {
  ConfigField field = unbound_field(
      {"distill.layers",
       "the teacher's layer, from 1, for each of the student's; []: evenly spread", kIdentity},
      "list of whole numbers, at least 1", R"({"type": "array", "items": {"type": "integer"}})");
  field.read = [](RunConfig& config, std::size_t, const ConfigNode& node) {
    if (node.kind == ConfigNode::Kind::scalar) {
      throw ScalarError("a list of whole numbers such as [2, 4]");
    }
    config.distill.layers.clear();
    for (const ConfigNode& item : node.items) {
      config.distill.layers.push_back(read_count(item, {1, 1000}));
    }
  };
  field.write = [](const RunConfig& config, std::size_t) {
    return fmt::format("[{}]", fmt::join(config.distill.layers, ", "));
  };
  return field;
}

}  // namespace

std::vector<ConfigField> distill_fields() {
  const auto distill = [](auto member) { return at(&RunConfig::distill, member); };
  const auto weight = [&](const char* key, const char* meaning,
                          double DistillationOptions::*member) {
    return make_field({key, meaning, kIdentity}, distill(member), real_type({}));
  };
  return {
      make_field({"distill.teacher",
                  "a run, a checkpoint or a Hugging Face directory that teaches, of a task a "
                  "fine-tuned one; "
                  "empty: nobody"},
                 distill(&DistillationOptions::teacher), path_type()),
      make_field({"distill.temperature", "of the soft labels", kIdentity},
                 distill(&DistillationOptions::temperature),
                 real_type({.least = 0, .excludes_least = true})),
      weight("distill.soft",
             "weight of T^2 KL(teacher, student) of the masked tokens or the labels; DistilBERT 5",
             &DistillationOptions::soft),
      weight("distill.hard", "weight of the loss without a teacher; DistilBERT 2",
             &DistillationOptions::hard),
      weight("distill.cosine", "weight of 1 - cos of the last hidden states; DistilBERT 1",
             &DistillationOptions::cosine),
      weight("distill.hidden",
             "weight of the squared error of the hidden states of all mapped layers and the "
             "embedding, through a linear fit where the widths differ; TinyBERT 1",
             &DistillationOptions::hidden),
      weight("distill.attention",
             "weight of the squared error of the mapped layers' attention scores; TinyBERT 1",
             &DistillationOptions::attention),
      make_field({"distill.start",
                  "where model.from is empty; teacher: the student begins with the layers that "
                  "'layers' names "
                  "and all else of the teacher's, whose widths it must have; random: as always",
                  kIdentity},
                 distill(&DistillationOptions::start), choice_type<StudentStart>(kStarts, {})),
      layers_field(),
  };
}

}  // namespace bertyard
