// SPDX-License-Identifier: Apache-2.0
#include "data/prepare/unit_record.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/files/json_dump.h"

namespace bertyard {
namespace {

using Json = nlohmann::json;

Json part_json(const SegmentPart& part) {
  return {part.documents, part.sentences, part.tokens, part.offset, hash_text(part.hash)};
}

SegmentPart parse_part(const Json& json) {
  return {json.at(0), json.at(1), json.at(2), json.at(3),
          parse_hash(json.at(4).get_ref<const std::string&>())};
}

UnitRecord parse(const Json& json) {
  UnitRecord record;
  for (const CorpusCountField& field : kCorpusCountFields) {
    json.at("counts").at(field.name).get_to(record.counts.*field.member);
  }
  for (const Json& fault : json.at("faults")) {
    record.faults.push_back({fault.at(0), fault.at(1), fault.at(2)});
  }
  for (const Json& hash : json.at("source_hashes")) {
    record.source_hashes.push_back(parse_hash(hash.get_ref<const std::string&>()));
  }
  json.at("documents").get_to(record.documents);
  json.at("unknown").get_to(record.unknown);
  for (const Json& segment : json.at("segments")) {
    record.segments.push_back({parse_part(segment.at(0)), parse_part(segment.at(1))});
  }
  return record;
}

}  // namespace

std::string to_text(const UnitRecord& record) {
  Json counts;
  for (const CorpusCountField& field : kCorpusCountFields) {
    counts[field.name] = record.counts.*field.member;
  }
  Json faults = Json::array();
  for (const LineFault& fault : record.faults) {
    faults.push_back({fault.file, fault.line, fault.what});
  }
  Json hashes = Json::array();
  for (const std::uint64_t hash : record.source_hashes) hashes.push_back(hash_text(hash));
  Json segments = Json::array();
  for (const Segment& segment : record.segments) {
    segments.push_back({part_json(segment[0]), part_json(segment[1])});
  }
  return dump_json(Json{{"counts", counts},
                        {"faults", faults},
                        {"source_hashes", hashes},
                        {"documents", record.documents},
                        {"unknown", record.unknown},
                        {"segments", segments}});
}

UnitRecord parse_unit_record(std::string_view text) {
  try {
    return parse(Json::parse(text));
  } catch (const Json::exception& error) {
    throw DataError(fmt::format("the record of a unit of text is damaged: {}", error.what()));
  }
}

}  // namespace bertyard
