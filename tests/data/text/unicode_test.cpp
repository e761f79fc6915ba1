// SPDX-License-Identifier: Apache-2.0
#include "data/text/unicode.h"

#include <gtest/gtest.h>

namespace bertyard {
namespace {

std::string lower(std::u32string_view word) {
  std::u32string lowered;
  lower_case(word, lowered);
  std::string text;
  append_utf8(lowered, text);
  return text;
}

std::string stripped(std::u32string_view word) {
  std::u32string result;
  strip_accents(word, result);
  std::string text;
  append_utf8(result, text);
  return text;
}

TEST(Unicode, EveryCodePointComesBack) {
  for (char32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string text;
    append_utf8(code, text);
    const DecodedCharacter character = decode_utf8(text);
    ASSERT_TRUE(character.valid) << static_cast<std::uint32_t>(code);
    ASSERT_EQ(character.code, code);
    ASSERT_EQ(character.bytes, text.size());
  }
}

// Expected: Python 3.11, bytes.decode("utf-8", errors="replace"); '?' stands for U+FFFD here.
TEST(Unicode, InvalidSequencesAreReplacedAsPythonDoes) {
  struct Case {
    std::string bytes;
    std::string expected;
  };
  const Case cases[] = {
      {"a\x80z", "a?z"},                                         // continuation alone
      {"\xC0\xAF", "??"},                                        // overlong
      {"\xE2\x82", "?"},                                         // cut at the end
      {"\xE2\x82z", "?z"},                                       // cut in the middle
      {"\xED\xA0\x80", "???"},                                   // surrogate
      {"\xF0\x9F\x98", "?"},                                     // cut after three of four
      {"\xF4\x90\x80\x80", "????"},                              // above U+10FFFF
      {"\xF0\x80\x80\x80", "????"},                              // overlong, four bytes
      {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF z", "???? z"},          // maximal subparts
      {"\xFF\xFE", "??"},                                        // never in UTF-8
      {"caf\xC3\xA9 \xE4\xB8\xAD", "caf\xC3\xA9 \xE4\xB8\xAD"},  // valid
  };
  for (const Case& c : cases) {
    std::string valid;
    const auto count = append_valid_utf8(c.bytes, valid);
    std::string shown;
    std::uint64_t replaced = 0;
    for (std::string_view rest = valid; !rest.empty();) {
      const DecodedCharacter character = decode_utf8(rest);
      ASSERT_TRUE(character.valid);
      const bool is_replacement = character.code == kReplacementCharacter;
      replaced += is_replacement;
      shown += is_replacement ? std::string("?") : std::string(rest.substr(0, character.bytes));
      rest.remove_prefix(character.bytes);
    }
    EXPECT_EQ(shown, c.expected);
    EXPECT_EQ(count, replaced);
    EXPECT_EQ(is_valid_utf8(c.bytes), count == 0);
  }
}

TEST(Unicode, CountsCharacters) {
  EXPECT_EQ(count_characters(""), 0u);
  EXPECT_EQ(count_characters("abc"), 3u);
  EXPECT_EQ(count_characters("\u00E9\u4E2D\U0001F914z"), 4u);
}

TEST(Unicode, AsciiIsFoundAtEveryPosition) {
  for (std::size_t length = 1; length < 20; ++length) {
    std::string text(length, 'a');
    EXPECT_TRUE(is_ascii(text));
    for (std::size_t i = 0; i < length; ++i) {
      text[i] = '\xC3';
      EXPECT_FALSE(is_ascii(text)) << length << " " << i;
      text[i] = 'a';
    }
  }
}

TEST(Unicode, ClassesAreThoseOfGooglesProgram) {
  EXPECT_TRUE(is_whitespace(U'\t') && is_whitespace(U'\u00A0') && is_whitespace(U'\u3000'));
  EXPECT_TRUE(is_whitespace(U'\u2028'));  // str.split()
  EXPECT_FALSE(is_whitespace(U'\u200B') || is_whitespace(U'\f') || is_whitespace(U'a'));
  EXPECT_TRUE(is_control(U'\f') && is_control(U'\u0085') && is_control(U'\u200B'));
  EXPECT_FALSE(is_control(U'\n') || is_control(U' '));
  EXPECT_FALSE(is_control(U'\uE000'));  // private use is kept: only Cc and Cf are removed
  for (const char32_t code : U"!$+<=>@[\\]^_`{|}~") {
    if (code != 0) {
      EXPECT_TRUE(is_punctuation(code)) << static_cast<std::uint32_t>(code);
    }
  }
  EXPECT_TRUE(is_punctuation(U'\u2019') && is_punctuation(U'\u3002') && is_punctuation(U'\u00A7'));
  EXPECT_FALSE(is_punctuation(U'\u00A3') || is_punctuation(U'a') || is_punctuation(U'\u00B0'));
}

TEST(Unicode, IdeographsAreEightBlocks) {
  for (const char32_t code :
       {0x3400, 0x4DBF, 0x4E00, 0x9FFF, 0xF900, 0xFAFF, 0x20000, 0x2A6DF, 0x2A700, 0x2B73F, 0x2B740,
        0x2B81F, 0x2B820, 0x2CEAF, 0x2F800, 0x2FA1F}) {
    EXPECT_TRUE(is_cjk_ideograph(code)) << static_cast<std::uint32_t>(code);
  }
  for (const char32_t code : {0x33FF, 0x4DC0, 0x4DFF, 0xA000, 0x3042, 0x30AB, 0xAC00, 0xF8FF,
                              0xFB00, 0x1FFFF, 0x2A6E0, 0x2CEB0, 0x2F7FF, 0x2FA20}) {
    EXPECT_FALSE(is_cjk_ideograph(code)) << static_cast<std::uint32_t>(code);
  }
}

// Expected: Python 3.11, str.lower().
TEST(Unicode, LowerCaseIsPythons) {
  EXPECT_EQ(lower(U"HÉLLO"), "h\u00E9llo");
  EXPECT_EQ(lower(U"\u0130"), "i\u0307");
  EXPECT_EQ(lower(U"ΟΔΟΣ"), "οδος");
  EXPECT_EQ(lower(U"ΣΑΣ"), "σας");
  EXPECT_EQ(lower(U"Σ"), "σ");
  EXPECT_EQ(lower(U"ΑΣ."), "ας.");
  EXPECT_EQ(lower(U"ΑΣ.Α"), "ασ.α");
  EXPECT_EQ(lower(U"Α1Σ"), "α1σ");
  EXPECT_EQ(lower(U"ΑΣ1Α"), "ας1α");
  EXPECT_EQ(lower(U"\u2160Σ"), "\u2170ς");
  EXPECT_EQ(lower(U"\u212A"), "k");
}

// Expected: Python 3.11, unicodedata.normalize("NFD", word) less category Mn.
TEST(Unicode, AccentsAreStrippedAsPythonDoes) {
  EXPECT_EQ(stripped(U"naïve"), "naive");
  EXPECT_EQ(stripped(U"\u1EC7"), "e");
  EXPECT_EQ(stripped(U"\u01D5"), "U");
  EXPECT_EQ(stripped(U"\uAC01"), "\u1100\u1161\u11A8");  // Hangul comes apart
  EXPECT_EQ(stripped(U"\uF900"), "\u8C48");              // a compatibility ideograph
  EXPECT_EQ(stripped(U"\u037E"), ";");
  EXPECT_EQ(stripped(U"\u0301"), "");
  EXPECT_EQ(stripped(U"a\U0001D165\u302E"), "a\U0001D165\u302E");
  EXPECT_EQ(stripped(U"a\u302E\U0001D165"), "a\U0001D165\u302E");  // ordered by combining class
  EXPECT_EQ(stripped(U"\u00F8\u0142"), "\u00F8\u0142");            // strokes are no marks
}

}  // namespace
}  // namespace bertyard
