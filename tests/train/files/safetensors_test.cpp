// SPDX-License-Identifier: Apache-2.0
#include "train/files/safetensors.h"

#include <array>
#include <cmath>
#include <cstring>
#include <fstream>
#include <random>
#include <string>

#include "data/files/atomic_file.h"
#include "tests/support/test_data.h"
#include "tests/train/expect_error.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryDirectory;

// What Python's safetensors 0.8.0 writes of these tensors.
const std::string kGolden =
    std::string("\x10\x01\x00\x00\x00\x00\x00\x00", 8) +
    R"({"__metadata__":{"format":"pt"},"ids":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
    R"("a.bias":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},)"
    R"("weight":{"dtype":"F32","shape":[2,2],"data_offsets":[12,28]},)"
    R"("half":{"dtype":"BF16","shape":[2],"data_offsets":[28,32]}}     )" +
    std::string("\x07\0\0\0\0\0\0\0\0\0\0?\0\0\x80?\0\0\0@\0\0@@\0\0\x80\xc0\x80?\0\xc0", 32);

class Safetensors : public ::testing::Test {
 protected:
  SafetensorsFile open(const std::string& contents) {
    write_file_atomically(path_, contents);
    return SafetensorsFile(path_);
  }
  std::string refusal(const std::string& contents) {
    return message_of<DataError>([&] { open(contents); });
  }
  // A file with this header and as many data bytes.
  static std::string with_header(const std::string& header, std::size_t data_bytes) {
    const std::uint64_t length = header.size();
    std::string file(sizeof length, '\0');
    std::memcpy(file.data(), &length, sizeof length);
    return file + header + std::string(data_bytes, '\0');
  }

  TemporaryDirectory directory_;
  fs::path path_ = directory_ / "model.safetensors";
};

TEST_F(Safetensors, WritesTheBytesOfThePythonLibrary) {
  const std::array<float, 4> weight{1, 2, 3, -4};
  const std::array<float, 1> bias{0.5};
  const std::array<BFloat16, 2> half{BFloat16{0x3F80}, BFloat16{0xC000}};
  const std::array<std::int64_t, 1> ids{7};
  const FileCalls calls;

  FileWriter file(path_, OpenFor::create, calls);
  write_safetensors(file, {{"weight", ConstTensorView(weight.data(), DType::f32, {2, 2})},
                           {"half", view_of(std::span<const BFloat16>(half))},
                           {"a.bias", view_of(std::span<const float>(bias))},
                           {"ids", view_of(std::span<const std::int64_t>(ids))}});
  file.finish();

  EXPECT_EQ(read_file(path_), kGolden);
}

TEST_F(Safetensors, ReadsThePythonLibrarysBytes) {
  const SafetensorsFile file = open(kGolden);
  std::array<float, 4> weight{};
  std::array<float, 2> half{};

  file.read_f32(*file.find("weight"), weight);
  file.read_f32(*file.find("half"), half);

  EXPECT_THAT(weight, ::testing::ElementsAre(1, 2, 3, -4));
  EXPECT_THAT(half, ::testing::ElementsAre(1, -2));
  EXPECT_EQ(file.find("nothing"), nullptr);
  EXPECT_THAT(message_of<DataError>([&] { file.read_f32(*file.find("ids"), weight); }),
              HasSubstr("elements, expected at least 4"));
  EXPECT_THAT(
      message_of<DataError>([&] { file.read_f32(*file.find("ids"), std::span(weight).first(1)); }),
      HasSubstr("tensor 'ids' is I64, expected F32"));
}

TEST_F(Safetensors, WidensHalvesExactly) {
  // 1, -2, largest, smallest normal, smallest subnormal, infinity, NaN, -0 of IEEE binary16.
  const std::array<std::uint16_t, 8> bits{0x3C00, 0xC000, 0x7BFF, 0x0400,
                                          0x0001, 0x7C00, 0x7E00, 0x8000};
  std::string contents =
      with_header(R"({"h":{"dtype":"F16","shape":[8],"data_offsets":[0,16]}})", 16);
  std::memcpy(contents.data() + contents.size() - 16, bits.data(), 16);
  const SafetensorsFile file = open(contents);
  std::array<float, 8> values{};

  file.read_f32(*file.find("h"), values);

  EXPECT_THAT(std::span(values).first(6),
              ::testing::ElementsAre(1.0f, -2.0f, 65504.0f, 0x1p-14f, 0x1p-24f, INFINITY));
  EXPECT_TRUE(std::isnan(values[6]));
  EXPECT_TRUE(std::signbit(values[7]));
}

TEST_F(Safetensors, RefusesWhatTheFormatForbids) {
  const std::string one = R"("dtype":"F32","shape":[1])";
  struct Case {
    std::string header;
    std::size_t data_bytes;
    std::string reason;
  };
  const Case cases[] = {
      {R"( {"a":{)" + one + R"(,"data_offsets":[0,4]}})", 4, "begins with '{'"},
      {R"({"a":{)" + one + R"(,"data_offsets":[0,4]},"a":{}})", 4, "key 'a' is there twice"},
      {R"({"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}})", 4, "unknown dtype 'F33'"},
      {R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, "expected a whole number"},
      {R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,0]}})", 0,
       "the product of its shape overflows"},
      {R"({"a":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}})", 4,
       "the product of its shape overflows"},
      {R"({"a":{)" + one + R"(,"data_offsets":[0,8]}})", 8, "needs 4 bytes"},
      {R"({"a":{)" + one + R"(,"data_offsets":[4,0]}})", 4, "needs 4 bytes"},
      {R"({"a":{)" + one + R"(,"data_offsets":[0,4]}})", 3, "truncated"},
      {R"({"a":{)" + one + R"(,"data_offsets":[0,4]}})", 5, "bytes are left over"},
      {R"({"a":{)" + one + R"(,"data_offsets":[4,8]}})", 8, "there is a hole"},
      {R"({"a":{)" + one + R"(,"data_offsets":[0,4]},"b":{)" + one + R"(,"data_offsets":[0,4]}})",
       4, "overlap"},
      // Sizes whose sum wraps round to the size of the file.
      {R"({"a":{"dtype":"U8","shape":[18446744073709551600],)"
       R"("data_offsets":[0,18446744073709551600]},)"
       R"("b":{"dtype":"U8","shape":[8],)"
       R"("data_offsets":[18446744073709551600,18446744073709551608]}})",
       0, "lie outside the 0 bytes of data"},
      {R"({"a":{"dtype":"F32","shape":[1]}})", 4, "'data_offsets' is missing"},
      {R"({"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}})", 4, "'shape' is no list"},
      {R"({"a":{"dtype":1,"shape":[1],"data_offsets":[0,4]}})", 4, "'dtype' is no string"},
      {R"({"a":{)" + one + R"(,"data_offsets":[0]}})", 4, "needs two numbers"},
      {R"({"a":7})", 0, "'dtype' is missing"},
      {R"({"a":)", 0, "not valid JSON"},
      {std::string(50, '{'), 0, "not valid JSON"},
      {R"({"a":[[[[[[[[[[]]]]]]]]]]})", 0, "nested more than 8 deep"},
  };

  for (const Case& c : cases) {
    EXPECT_THAT(refusal(with_header(c.header, c.data_bytes)), HasSubstr(c.reason)) << c.header;
  }
  EXPECT_THAT(refusal("short"), HasSubstr("5 bytes are no safetensors file"));
  EXPECT_THAT(refusal(std::string(8, '\xFF') + "{}"), HasSubstr("not a safetensors file"));
  EXPECT_THAT(message_of<DataError>([&] { SafetensorsFile(directory_ / "absent"); }),
              HasSubstr("absent"));
}

// Any damage is refused or leaves a file whose tensors lie inside it: run under the sanitizers.
TEST_F(Safetensors, DamagedFilesNeverReadOutside) {
  std::mt19937 random(20240607);
  int accepted = 0;
  for (int trial = 0; trial < 1500; ++trial) {
    std::string contents = kGolden;
    if (trial % 3 == 0) contents.resize(random() % contents.size());
    for (unsigned flips = 1 + random() % 3; flips > 0 && !contents.empty(); --flips) {
      const std::size_t at = random() % std::min<std::size_t>(contents.size(), 300);
      contents[at] = static_cast<char>(random());
    }
    std::ofstream(path_, std::ios::binary) << contents;
    try {
      const SafetensorsFile file(path_);
      ++accepted;
      for (const SafetensorsEntry& entry : file.entries()) {
        ASSERT_EQ(file.bytes(entry).size(), entry.bytes);
        ASSERT_LE(entry.offset + entry.bytes, contents.size());
      }
    } catch (const DataError&) {
    }
  }
  RecordProperty("accepted", accepted);  // flips in names and in the padding
}

TEST_F(Safetensors, RefusesOneNameTwice) {
  const float value = 1;
  const ConstTensorView view = view_of(std::span<const float>(&value, 1));
  const FileCalls calls;
  FileWriter file(path_, OpenFor::create, calls);

  EXPECT_THROW(write_safetensors(file, {{"a", view}, {"a", view}}), Error);
}

}  // namespace
}  // namespace bertyard
