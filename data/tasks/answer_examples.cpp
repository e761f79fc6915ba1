// SPDX-License-Identifier: Apache-2.0
#include "data/tasks/answer_examples.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "data/files/file_writer.h"
#include "data/text/unicode.h"
#include "data/text/utf8.h"

namespace bertyard {
namespace {

using Json = nlohmann::json;

// Where each character of a text begins, and its end.
std::vector<std::uint32_t> character_starts(std::string_view text) {
  std::vector<std::uint32_t> starts;
  for (std::size_t i = 0; i < text.size(); i += decode_utf8(text.substr(i)).bytes) {
    starts.push_back(static_cast<std::uint32_t>(i));
  }
  starts.push_back(static_cast<std::uint32_t>(text.size()));
  return starts;
}

std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// A text or a whole number.
std::string id_of(const Json& question) {
  const auto found = question.find("id");
  const bool is_number = found != question.end() && found->is_number_integer();
  return is_number ? found->dump() : text_at(question, "id");
}

// Hugging Face's {"text": [...], "answer_start": [...]} as a list of objects, null where the two do
// not go together; anything else as it is.
Json listed(const Json& answers) {
  if (!answers.is_object()) return answers;
  const auto texts = answers.find("text"), starts = answers.find("answer_start");
  const bool has_starts = starts != answers.end();
  if (texts == answers.end() || !texts->is_array()) return nullptr;
  if (has_starts && (!starts->is_array() || starts->size() != texts->size())) return nullptr;
  Json list = Json::array();
  for (std::size_t i = 0; i < texts->size(); ++i) {
    Json answer{{"text", (*texts)[i]}};
    if (has_starts) answer["answer_start"] = (*starts)[i];
    list.push_back(std::move(answer));
  }
  return list;
}

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {}

  AnswerExamples read() {
    const Json file = Json::parse(read_file(path_), nullptr, /*allow_exceptions=*/false);
    if (!file.is_object() || !file.contains("data") || !file["data"].is_array()) {
      throw DataError(
          fmt::format("{}: expected SQuAD's layout, an object with a list 'data' of "
                      "articles with 'paragraphs'",
                      path_));
    }
    result_.version_2 = text_at(file, "version").find("2.0") != std::string::npos;
    for (const Json& article : file["data"]) {
      if (!article.contains("paragraphs")) continue;
      for (const Json& paragraph : article["paragraphs"]) read_paragraph(paragraph);
    }
    return std::move(result_);
  }

 private:
  void read_paragraph(const Json& paragraph) {
    context_ = std::make_shared<const std::string>(text_at(paragraph, "context"));
    starts_ = character_starts(*context_);
    if (!paragraph.contains("qas")) return;
    for (const Json& question : paragraph["qas"]) read_question(question);
  }

  void read_question(const Json& json) {
    AnswerExample example;
    example.id = id_of(json);
    example.question = text_at(json, "question");
    example.context = context_;
    ++questions_;
    example.place = fmt::format("{}: question {} ({})", path_, questions_, example.id);
    example.impossible = json.value("is_impossible", false);
    result_.version_2 = result_.version_2 || json.contains("is_impossible");
    const char* fault = example.id.empty()               ? "it has no id"
                        : trim(example.question).empty() ? "the question is empty"
                        : trim(*context_).empty()        ? "its paragraph has no text"
                        : !is_valid_utf8(*context_)      ? "its paragraph is not UTF-8"
                                                         : nullptr;
    if (fault != nullptr) {
      result_.bad_rows.push_back({example.place, fault});
      return;
    }
    if (json.contains("answers") && !json["answers"].is_null() && !example.impossible) {
      const Json answers = listed(json["answers"]);
      if (!answers.is_array()) {
        result_.bad_rows.push_back(
            {example.place,
             "expected 'answers' to be a list of objects with 'text' and 'answer_start', or one "
             "object with a list of each, as long as the other"});
        return;
      }
      for (const Json& answer : answers) read_answer(answer, example);
    }
    result_.examples.push_back(std::move(example));
  }

  void read_answer(const Json& json, AnswerExample& example) {
    Answer answer;
    answer.text = text_at(json, "text");
    const auto start = json.find("answer_start");
    const std::int64_t offset =
        start != json.end() && start->is_number_integer() ? start->get<std::int64_t>() : -1;
    const bool inside = offset >= 0 && offset < std::ssize(starts_);
    if (inside) answer.begin = starts_[static_cast<std::size_t>(offset)];
    answer.placed = inside && !answer.text.empty() &&
                    std::string_view(*context_).substr(answer.begin).starts_with(answer.text);
    if (start == json.end()) {
      result_.bad_offsets.push_back(
          {example.place, fmt::format("the answer '{}' has no 'answer_start'", answer.text)});
    } else if (!answer.placed) {
      const std::string found(std::string_view(*context_).substr(answer.begin, answer.text.size()));
      result_.bad_offsets.push_back(
          {example.place, fmt::format("the answer '{}' does not stand at {}, where '{}' does",
                                      answer.text, offset, inside ? found : std::string())});
    }
    example.answers.push_back(std::move(answer));
  }

  std::string path_;
  AnswerExamples result_;
  std::shared_ptr<const std::string> context_;
  std::vector<std::uint32_t> starts_;
  std::int64_t questions_ = 0;
};

}  // namespace

AnswerExamples read_answer_examples(const std::string& path) {
  try {
    return Reader(path).read();
  } catch (const Json::exception& error) {
    throw DataError(fmt::format("{}: not SQuAD's layout: {}", path, error.what()));
  }
}

}  // namespace bertyard
