// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "parallel/rank_phase.h"

namespace bertyard {

enum class FlightKind : std::uint8_t { phase = 1, collective = 2, signal = 3, note = 4 };

// One thing that happened on a rank, as it lies in the file.
struct FlightEvent {
  std::uint64_t number = 0;      // 1, 2, ...; 0: nothing, or half written
  std::int64_t nanoseconds = 0;  // since 1970, the host's clock
  std::int64_t step = 0;         // steps done
  std::uint64_t amount = 0;      // bytes of a collective, number of a signal
  FlightKind kind = FlightKind::phase;
  RankPhase phase = RankPhase::start;
  char text[30] = {};  // cut to fit; ends with a zero
};
static_assert(sizeof(FlightEvent) == 64);

// The last thousand events of a rank in a mapped file: whatever kills the process, the kernel still
// has them. add() takes a tenth of a microsecond, from any thread and from a signal handler.
class FlightRecorder {
 public:
  static constexpr std::uint64_t kEvents = 1024;
  struct Owner {
    int rank = 0;
    std::string host;
  };
  // What an earlier start left under `path` becomes `path`.previous. Throws IoError where there is
  // no room for the file.
  FlightRecorder(const std::filesystem::path& path, const Owner& owner);
  ~FlightRecorder();
  FlightRecorder(const FlightRecorder&) = delete;
  FlightRecorder& operator=(const FlightRecorder&) = delete;

  void add(FlightKind kind, RankPhase phase, std::int64_t step, std::uint64_t amount,
           std::string_view text) noexcept;

  struct Header;

 private:
  Header* header_ = nullptr;
  FlightEvent* events_ = nullptr;
};

// "rank-0003.flight"
std::string flight_file_name(int rank);

// A recorder's file read back, by another process as a rule.
struct FlightRecord {
  int rank = 0;
  std::int64_t process = 0;
  std::string host;
  std::vector<FlightEvent> events;  // oldest first
};
// Throws DataError for a file that is no recorder's; events that were half written are left out.
FlightRecord read_flight_record(const std::filesystem::path& path);

}  // namespace bertyard
