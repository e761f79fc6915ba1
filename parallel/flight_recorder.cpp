// SPDX-License-Identifier: Apache-2.0
#include "parallel/flight_recorder.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

constexpr char kMagic[8] = {'B', 'Y', 'F', 'L', 'I', 'G', 'H', '1'};

std::int64_t wall_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

template <std::size_t kRoom>
void copy_text(char (&to)[kRoom], std::string_view from) {
  const std::size_t length = std::min(from.size(), kRoom - 1);
  std::memcpy(to, from.data(), length);
  std::memset(to + length, 0, kRoom - length);
}

// Room is taken at once: a page that finds none later would kill the process at a write.
void* map_new_file(const std::filesystem::path& path, std::size_t bytes) {
  std::error_code ignored;
  std::filesystem::rename(path, path.string() + ".previous", ignored);
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  int error = descriptor < 0 ? errno : 0;
  void* data = MAP_FAILED;
  if (error == 0) error = ::posix_fallocate(descriptor, 0, static_cast<off_t>(bytes));
  if (error == 0) {
    data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (data == MAP_FAILED) error = errno;
  }
  if (descriptor >= 0) ::close(descriptor);
  if (error == 0) return data;
  std::filesystem::remove(path, ignored);
  throw IoError(fmt::format("flight recorder: {}: {}", path.string(), std::strerror(error)));
}

}  // namespace

struct FlightRecorder::Header {
  char magic[8];
  std::int64_t rank;
  std::int64_t process;
  std::atomic<std::uint64_t> count;
  char host[96];
};
static_assert(sizeof(FlightRecorder::Header) == 128);

namespace {
constexpr std::size_t kFileBytes =
    sizeof(FlightRecorder::Header) + FlightRecorder::kEvents * sizeof(FlightEvent);
}  // namespace

FlightRecorder::FlightRecorder(const std::filesystem::path& path, const Owner& owner) {
  auto* data = static_cast<std::byte*>(map_new_file(path, kFileBytes));
  std::memset(data, 0, kFileBytes);
  header_ = reinterpret_cast<Header*>(data);
  events_ = reinterpret_cast<FlightEvent*>(data + sizeof(Header));
  header_->rank = owner.rank;
  header_->process = ::getpid();
  copy_text(header_->host, owner.host);
  std::memcpy(header_->magic, kMagic, sizeof kMagic);
}

FlightRecorder::~FlightRecorder() {
  ::munmap(header_, kFileBytes);
}

void FlightRecorder::add(FlightKind kind, RankPhase phase, std::int64_t step, std::uint64_t amount,
                         std::string_view text) noexcept {
  const std::uint64_t number = header_->count.fetch_add(1, std::memory_order_relaxed) + 1;
  FlightEvent& event = events_[(number - 1) % kEvents];
  const std::atomic_ref<std::uint64_t> stored(event.number);
  stored.store(0, std::memory_order_release);
  event.nanoseconds = wall_nanoseconds();
  event.step = step;
  event.amount = amount;
  event.kind = kind;
  event.phase = phase;
  copy_text(event.text, text);
  stored.store(number, std::memory_order_release);
}

std::string flight_file_name(int rank) {
  return fmt::format("rank-{:04}.flight", rank);
}

FlightRecord read_flight_record(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.size() != kFileBytes || std::memcmp(bytes.data(), kMagic, sizeof kMagic) != 0) {
    throw DataError(fmt::format("{}: expected a flight recorder's file of {} bytes, found {} bytes",
                                path.string(), kFileBytes, bytes.size()));
  }
  FlightRecord record;
  std::int64_t rank = 0;
  std::memcpy(&rank, bytes.data() + offsetof(FlightRecorder::Header, rank), sizeof rank);
  record.rank = static_cast<int>(rank);
  std::memcpy(&record.process, bytes.data() + offsetof(FlightRecorder::Header, process),
              sizeof record.process);
  const char* host = bytes.data() + offsetof(FlightRecorder::Header, host);
  record.host.assign(host, ::strnlen(host, sizeof(FlightRecorder::Header::host)));
  for (std::uint64_t i = 0; i < FlightRecorder::kEvents; ++i) {
    FlightEvent event;
    std::memcpy(&event, bytes.data() + sizeof(FlightRecorder::Header) + i * sizeof event,
                sizeof event);
    event.text[sizeof event.text - 1] = '\0';
    const bool known = event.kind >= FlightKind::phase && event.kind <= FlightKind::note &&
                       event.phase <= RankPhase::wait;
    if (event.number != 0 && known) record.events.push_back(event);
  }
  std::sort(record.events.begin(), record.events.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
  return record;
}

}  // namespace bertyard
