// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <ctime>
#include <filesystem>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/files/directories.h"
#include "launch/console/text_table.h"
#include "launch/inspect/inspect_parts.h"
#include "parallel/flight_recorder.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

// "05:00:00.123456", UTC.
std::string clock_text(std::int64_t nanoseconds) {
  const std::time_t seconds = nanoseconds / 1'000'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:02}:{:02}:{:02}.{:06}", parts.tm_hour, parts.tm_min, parts.tm_sec,
                     nanoseconds / 1000 % 1'000'000);
}

std::string event_text(const FlightEvent& event) {
  switch (event.kind) {
    case FlightKind::phase:
      return event.text;
    case FlightKind::collective:
      return fmt::format("{}, {} bytes", event.text, event.amount);
    case FlightKind::signal:
      return fmt::format("signal {}", event.amount);
    case FlightKind::note:
      return event.text;
  }
  return "";
}

std::vector<FlightRecord> records_in(const fs::path& folder) {
  std::vector<FlightRecord> records;
  for (const fs::path& file : entries_of(folder)) {
    if (file.extension() == ".flight") records.push_back(read_flight_record(file));
  }
  std::sort(records.begin(), records.end(),
            [](const auto& a, const auto& b) { return a.rank < b.rank; });
  return records;
}

struct Placed {
  int rank = 0;
  FlightEvent event;
};

std::vector<Placed> merged(const std::vector<FlightRecord>& records) {
  std::vector<Placed> all;
  for (const FlightRecord& record : records) {
    for (const FlightEvent& event : record.events) all.push_back({record.rank, event});
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.event.nanoseconds < b.event.nanoseconds;
  });
  return all;
}

}  // namespace

std::string flight_summary(const fs::path& folder) {
  const std::vector<FlightRecord> records = records_in(folder);
  if (records.empty()) return "";
  TextTable table({{"rank", Align::right},
                   {"host"},
                   {"process", Align::right},
                   {"last event (UTC)"},
                   {"after step", Align::right},
                   {"in"},
                   {"event"}});
  for (const FlightRecord& record : records) {
    if (record.events.empty()) continue;
    const FlightEvent& last = record.events.back();
    table.add({std::to_string(record.rank), record.host, std::to_string(record.process),
               clock_text(last.nanoseconds), std::to_string(last.step),
               std::string(name_of(last.phase)), event_text(last)});
  }
  return "\nwhere the ranks were last\n" + table.text();
}

std::string inspect_flight(const InspectOptions& options) {
  const std::vector<FlightRecord> records = records_in(options.path);
  TextTable table(
      {{"UTC"}, {"rank", Align::right}, {"after step", Align::right}, {"in"}, {"event"}});
  for (const Placed& placed : merged(records)) {
    const FlightEvent& event = placed.event;
    table.add({clock_text(event.nanoseconds), std::to_string(placed.rank),
               std::to_string(event.step), std::string(name_of(event.phase)), event_text(event)});
  }
  return fmt::format("flight recorders of {} rank(s), the clock of each host\n{}{}", records.size(),
                     table.text(), flight_summary(options.path));
}

}  // namespace bertyard
