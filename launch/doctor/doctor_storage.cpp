// SPDX-License-Identifier: Apache-2.0
// A directory that all hosts share: is it one, is a rename atomic, do locks hold between hosts, is
// there room, and how fast is it?
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/base/error.h"
#include "launch/doctor/doctor.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Grade = Finding::Grade;

constexpr double kMiB = 1 << 20;

// A descriptor that closes itself.
class OpenFile {
 public:
  OpenFile(const fs::path& path, int flags) : descriptor_(open(path.c_str(), flags, 0666)) {}
  ~OpenFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

std::string read_all(const fs::path& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// What a rename over an existing file leaves is the new file, whole. Empty: it does.
std::string rename_trouble(const fs::path& directory) {
  const fs::path old_name = directory / "renamed", new_name = directory / "renamed.new";
  std::error_code error;
  for (const char* text : {"first", "second"}) {
    std::ofstream(new_name) << text << std::flush;
    fs::rename(new_name, old_name, error);
    if (error) return error.message();
    if (read_all(old_name) != text) return "the renamed file has the former contents";
  }
  return {};
}

// Of 64 MiB with their fsync, or of what was written in three seconds; MiB a second, or the error.
struct WriteRate {
  double rate = 0;
  std::string error;
};
WriteRate write_rate(const fs::path& file) {
  const OpenFile out(file, O_CREAT | O_TRUNC | O_WRONLY);
  const std::vector<char> block(1 << 20, 'b');
  const Clock::time_point start = Clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  int written = 0;
  for (; written < 64 && elapsed() < 3; ++written) {
    if (write(out.get(), block.data(), block.size()) != static_cast<ssize_t>(block.size())) {
      return {0, std::strerror(errno)};
    }
  }
  if (fsync(out.get()) != 0) return {0, std::strerror(errno)};
  return {written / elapsed(), ""};
}

Finding judge_rename(const fs::path& directory) {
  const std::string trouble = rename_trouble(directory);
  if (trouble.empty()) return {Grade::ok, "storage", "rename is atomic", ""};
  return {Grade::failure, "storage", "rename: " + trouble,
          "another run.dir: checkpoints appear by rename"};
}

Finding judge_space(const StorageTest& test) {
  struct statvfs space {};
  if (statvfs(test.directory.c_str(), &space) != 0) {
    return {Grade::warning, "storage",
            fmt::format("free space is not known: {}", std::strerror(errno)), "look with df"};
  }
  const double free = static_cast<double>(space.f_bavail) * static_cast<double>(space.f_frsize);
  const double gib = 1 << 30;
  std::string text = fmt::format("{:.1f} GiB free", free / gib);
  if (test.needed_bytes > 0) {
    text += fmt::format(", the run's checkpoints need {:.1f} GiB", test.needed_bytes / gib);
  }
  if (free > test.needed_bytes && free > 256 * kMiB) return {Grade::ok, "storage", text, ""};
  return {Grade::failure, "storage", text, "make room, or another run.dir, or less keep_last"};
}

Finding judge_rate(const fs::path& directory) {
  const WriteRate rate = write_rate(directory / "written");
  if (!rate.error.empty()) {
    return {Grade::failure, "storage", "write: " + rate.error, "make room, or another run.dir"};
  }
  const std::string text = fmt::format("written and synced at {:.0f} MiB/s", rate.rate);
  if (rate.rate >= 10) return {Grade::ok, "storage", text, ""};
  return {Grade::warning, "storage", text, "checkpoints will take long: another run.dir"};
}

// Whether this process gets the lock that another may hold: "free", "held" or the error.
std::string try_lock(const fs::path& file) {
  const OpenFile lock(file, O_RDWR | O_CREAT);
  if (lock.get() >= 0 && flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return "free";
  return errno == EWOULDBLOCK ? "held" : std::strerror(errno);
}

// On NFS another host may see a new file some seconds later.
bool sees(const fs::path& file, const std::string& text) {
  for (int i = 0; i < 50; ++i) {
    if (read_all(file) == text) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

Finding judge_sharing(const std::vector<std::string>& answers, ProcessGroup& group) {
  std::vector<std::string> blind, unlocked;
  for (std::size_t rank = 0; rank < answers.size(); ++rank) {
    const std::string& host = group.hosts[rank];
    if (answers[rank] == "unseen") blind.push_back(host);
    if (answers[rank] != "held" && answers[rank] != "unseen" && !answers[rank].empty()) {
      unlocked.push_back(host + ": " + answers[rank]);
    }
  }
  if (!blind.empty()) {
    return {Grade::failure, "storage",
            fmt::format("not shared: {} do not see what rank 0 writes", fmt::join(blind, ", ")),
            "a run.dir on a file system that all hosts mount"};
  }
  if (!unlocked.empty()) {
    return {Grade::warning, "storage",
            fmt::format("file locks do not hold ({})", fmt::join(unlocked, ", ")),
            "mount with locks (Lustre: -o flock), or export HDF5_USE_FILE_LOCKING=FALSE and see "
            "that two jobs do not train in one run directory"};
  }
  return {Grade::ok, "storage", "all hosts see it, and file locks hold", ""};
}

// Rank 0 writes and locks; the first rank of each host looks.
Finding test_sharing(const fs::path& directory, ProcessGroup& group) {
  const bool leads = group.rank() == 0;
  const std::string token =
      group.control->broadcast_string("doctor: token", std::to_string(getpid()));
  const fs::path file = directory / "shared";
  std::optional<OpenFile> lock;
  if (leads) {
    std::ofstream(file) << token << std::flush;
    lock.emplace(file, O_RDWR);
    if (flock(lock->get(), LOCK_EX | LOCK_NB) != 0) lock.reset();
  }
  group.control->agree_max("doctor: shared file", 0);
  std::string answer;
  if (group.local_rank == 0) answer = sees(file, token) ? try_lock(file) : "unseen";
  return judge_sharing(group.control->all_gather_strings("doctor: shared file seen", answer),
                       group);
}

// The parts of `path` that are not there yet, the innermost first.
std::vector<fs::path> missing_of(fs::path path) {
  std::vector<fs::path> missing;
  std::error_code ignored;
  for (; !path.empty() && !fs::exists(path, ignored); path = path.parent_path()) {
    missing.push_back(path);
  }
  return missing;
}

// What somebody else has put a file into stays.
void remove_empty(const std::vector<fs::path>& directories) {
  std::error_code ignored;
  for (const fs::path& directory : directories) fs::remove(directory, ignored);
}

}  // namespace

Findings test_storage(const StorageTest& test, ProcessGroup& group) {
  const fs::path directory =
      test.directory / (".tmp-doctor-" + group.control->broadcast_string("doctor: directory",
                                                                         std::to_string(getpid())));
  const bool leads = group.rank() == 0;
  std::error_code error;
  const std::vector<fs::path> made = missing_of(test.directory);
  if (leads) fs::create_directories(directory, error);
  if (group.control->agree_max("doctor: directory made", error ? 1 : 0) != 0) {
    return {{Grade::failure, "storage",
             fmt::format("{} cannot be written: {}", test.directory.string(), error.message()),
             "permissions, or another run.dir"}};
  }
  Findings findings{test_sharing(directory, group)};
  if (leads) {
    findings.push_back(judge_rename(directory));
    findings.push_back(judge_space({directory, test.needed_bytes}));
    findings.push_back(judge_rate(directory));
    fs::remove_all(directory, error);
    remove_empty(made);
  }
  group.control->agree_max("doctor: storage", 0);
  return findings;
}

}  // namespace bertyard
