// SPDX-License-Identifier: Apache-2.0
#include "data/files/atomic_file.h"

#include <cerrno>
#include <span>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "data/files/directories.h"
#include "data/files/file_writer.h"
#include "tests/support/faulty_calls.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::Fault;
using testing::FaultyCalls;
using ::testing::HasSubstr;
using testing::TemporaryDirectory;
using ::testing::ThrowsMessage;

std::size_t entries_in(const fs::path& directory) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

TEST(AtomicFile, EveryErrorLeavesTheOldFileAndNoOther) {
  const TemporaryDirectory directory;
  const fs::path path = directory / "file";
  write_file_atomically(path, "old");

  int faults = 0;
  for (;; ++faults) {
    const FaultyCalls calls(Fault::one_error, faults);
    std::string message;
    try {
      write_file_atomically(path, "new", calls);
    } catch (const IoError& error) {
      message = error.what();
    }
    if (!calls.struck()) break;
    const bool renamed = read_file(path) == "new";
    EXPECT_TRUE(renamed || read_file(path) == "old");
    EXPECT_EQ(entries_in(directory.path()), 1u) << "fault " << faults;
    EXPECT_TRUE(renamed || message.find("Input/output error") != std::string::npos);
    write_file_atomically(path, "old");
  }

  EXPECT_GE(faults, 6);  // open, write, sync, close, rename, and the directory's open and sync
  EXPECT_EQ(read_file(path), "new");
}

TEST(AtomicFile, KilledAnywhereTheFileIsOldOrNew) {
  const TemporaryDirectory directory;
  const fs::path path = directory / "file";

  for (int at = 0;; ++at) {
    write_file_atomically(path, "old contents");
    const FaultyCalls calls(Fault::killed, at);
    try {
      write_file_atomically(path, "new contents", calls);
    } catch (const IoError&) {
    }
    const std::string found = read_file(path);
    EXPECT_TRUE(found == "old contents" || found == "new contents") << found;
    if (!calls.struck()) break;
  }
}

TEST(FileWriter, FullDiskIsAnInputOutputErrorWithAdvice) {
  const FileCalls calls;
  FileWriter file("/dev/full", OpenFor::append, calls);

  try {
    file.write("text");
    FAIL();
  } catch (const IoError& error) {
    EXPECT_THAT(error.what(), HasSubstr("cannot write /dev/full: No space left on device"));
    EXPECT_THAT(error.what(), HasSubstr("free some space"));
    EXPECT_EQ(error.exit_code(), ExitCode::input_output);
  }
}

TEST(FileWriter, ShortWritesAreContinued) {
  class ByteByByte : public FileCalls {
   public:
    std::ptrdiff_t write(int descriptor, const void* data, std::size_t) const override {
      return FileCalls::write(descriptor, data, 1);
    }
  };
  const TemporaryDirectory directory;

  write_file_atomically(directory / "file", "seven b", ByteByByte());

  EXPECT_EQ(read_file(directory / "file"), "seven b");
}

TEST(FileWriter, NamesThePathThatCannotBeCreated) {
  const auto write = [] { write_file_atomically("/nowhere/at/all", "x"); };

  EXPECT_THAT(write, ThrowsMessage<IoError>(HasSubstr("cannot create /nowhere/at/.tmp-all-")));
}

class ReserveFails : public FileCalls {
 public:
  explicit ReserveFails(int error) : error_(error) {}
  int reserve(int, std::uint64_t) const override {
    errno = error_;
    return -1;
  }

 private:
  int error_;
};

TEST(FileWriter, SaysHowMuchRoomIsMissing) {
  const TemporaryDirectory directory;
  const ReserveFails calls(ENOSPC);
  FileWriter file(directory / "file", OpenFor::create, calls);

  EXPECT_THAT([&] { file.reserve(1234); },
              ThrowsMessage<IoError>(AllOf(HasSubstr("cannot reserve 1234 bytes for"),
                                           HasSubstr("No space left on device; free some"))));
}

TEST(FileWriter, DoesWithoutAPromiseOfRoom) {
  const TemporaryDirectory directory;
  const ReserveFails calls(EOPNOTSUPP);
  FileWriter file(directory / "file", OpenFor::create, calls);

  file.reserve(1234);
  file.write_at(2, std::as_bytes(std::span("abc", 3)));
  file.finish();

  EXPECT_EQ(read_file(directory / "file"), std::string("\0\0abc", 5));
}

TEST(AtomicFile, ADirectoryThatCannotBeReadTakesFilesAllTheSame) {
  class WriteOnlyDirectory : public FileCalls {
   public:
    int open(const std::string& path, int flags) const override {
      if ((flags & O_DIRECTORY) == 0) return FileCalls::open(path, flags);
      errno = EACCES;
      return -1;
    }
  };
  const TemporaryDirectory directory;

  write_file_atomically(directory / "file", "text", WriteOnlyDirectory());

  EXPECT_EQ(read_file(directory / "file"), "text");
}

TEST(SwapSymlink, AlwaysPointsSomewhere) {
  const TemporaryDirectory directory;
  const fs::path link = directory / "latest";
  swap_symlink(link, "one");

  for (int at = 0;; ++at) {
    swap_symlink(link, "one");
    const FaultyCalls calls(Fault::killed, at);
    try {
      swap_symlink(link, "two", calls);
    } catch (const IoError&) {
    }
    const std::string target = fs::read_symlink(link).string();
    EXPECT_TRUE(target == "one" || target == "two");
    if (!calls.struck()) break;
  }

  EXPECT_EQ(fs::read_symlink(link), "two");
}

TEST(RemoveLeftovers, TakesTemporaryEntriesOnly) {
  const TemporaryDirectory directory;
  fs::create_directories(directory / ".tmp-step-00000001-7");
  write_file_atomically(directory / ".tmp-step-00000001-7/model.safetensors", "x");
  write_file_atomically(directory / "kept", "x");

  remove_leftovers(directory.path(), kTemporaryPrefix);

  EXPECT_EQ(entries_in(directory.path()), 1u);
}

}  // namespace
}  // namespace bertyard
