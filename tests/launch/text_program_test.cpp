// SPDX-License-Identifier: Apache-2.0
// tokenize and prepare as a user runs them.
#include <cstdio>

#include <sys/wait.h>

#include "data/files/directory_lock.h"
#include "launch/console/progress_line.h"
#include "tests/launch/config/config_fixture.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Ended {
  int code = 0;
  std::string output;
  std::string errors;
};

class TextProgram : public ConfigTest {
 protected:
  TextProgram() {
    write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\nc\n.\n");
    std::string text;
    for (int i = 0; i < 20; ++i) text += "a ab c.\nc c ab.\nab.\n\n";
    write("text.txt", text);
    write("run.yaml",
          "corpus: {text: [text.txt], held_out: 0%}\ntokenizer: {vocab: vocab.txt}\n"
          "samples: {out: out, max_length: 16}\n"
          "schedule: [{until: 1M steps, length: 16, global_batch: 8}]\n");
  }

  Ended run(const std::string& arguments,
            const std::string& redirection = ">out.txt 2>err.txt") const {
    const std::string command = "cd '" + directory_.path().string() +
                                "' && '" BERTYARD_PROGRAM "' " + arguments + ' ' + redirection;
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read("out.txt"), read("err.txt")};
  }
  std::string read(const std::string& name) const {
    std::ifstream file(directory_ / name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
};

TEST_F(TextProgram, TokenizesStandardInputAndFiles) {
  const Ended piped = run("tokenize --vocab vocab.txt --threads 2 <text.txt");
  EXPECT_EQ(piped.code, 0) << piped.errors;
  EXPECT_EQ(piped.output.substr(0, piped.output.find('\n')),
            "{\"tokens\":[\"a\",\"a\",\"##b\",\"c\",\".\"],\"ids\":[5,5,6,7,8],"
            "\"offsets\":[[0,1],[2,3],[3,4],[5,6],[6,7]]}");
  EXPECT_EQ(run("tokenize --vocab vocab.txt text.txt").output, piped.output);
  EXPECT_THAT(run("tokenize --vocab vocab.txt text.txt --count").output,
              HasSubstr("80 texts, 340 bytes, 260 tokens (0.000% [UNK]), xxh3 "));
}

TEST_F(TextProgram, TokenizesAFieldOfJsonAndNamesBadLines) {
  write("in.jsonl", "{\"body\":\"AB [MASK]\"}\n{}\n");
  const Ended ended = run(
      "tokenize --vocab vocab.txt --field body --never-split '[MASK]' in.jsonl --offsets bytes");
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(
      ended.output,
      "{\"tokens\":[\"a\",\"##b\",\"[MASK]\"],\"ids\":[5,6,4],\"offsets\":[[0,1],[1,2],[3,9]]}\n"
      "null\n");
  EXPECT_EQ(ended.errors,
            "note: 1 bad lines became null\n  in.jsonl:2: the line has no field 'body'\n");
}

TEST_F(TextProgram, NoLineThatCanBeReadIsAnError) {
  const Ended ended = run("tokenize --vocab vocab.txt --field x text.txt");
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.errors, HasSubstr("bad lines became null"));
}

TEST_F(TextProgram, OutputThatIsLostIsAnErrorAndAConsoleThatIsLostIsNot) {
  const Ended lost = run("config run.yaml", ">/dev/full 2>err.txt");
  EXPECT_EQ(lost.code, 74);
  EXPECT_EQ(run("version", ">/dev/full 2>err.txt").code, 74);
  EXPECT_EQ(run("trian", ">out.txt 2>/dev/full").code, 2);
  EXPECT_EQ(run("prepare run.yaml", ">out.txt 2>/dev/full").code, 0);
  EXPECT_EQ(run("prepare run.yaml", ">out.txt 2>&-").code, 0);
}

TEST_F(TextProgram, HelpAndVersionAreWhereTheyAreLookedFor) {
  EXPECT_EQ(run("--version").code, 0);
  EXPECT_THAT(run("--version").output, HasSubstr("bertyard "));
  EXPECT_THAT(run("train --dryrun run.yaml").errors, HasSubstr("see 'bertyard train --help'"));
  EXPECT_THAT(run("eval model --data d --length 1").errors, HasSubstr("--length"));
  EXPECT_EQ(run("eval model --data d --samples -1").code, 2);
}

TEST_F(TextProgram, TokenizeOptionsAreChecked) {
  EXPECT_EQ(run("tokenize text.txt").code, 2);
  EXPECT_THAT(run("tokenize --vocab gone.txt text.txt").errors, HasSubstr("gone.txt"));
  EXPECT_EQ(run("tokenize --vocab vocab.txt --offsets words text.txt").code, 2);
  EXPECT_EQ(run("tokenize --vocab vocab.txt --threads 0 text.txt").code, 2);
  const Ended zero = run("tokenize --vocab vocab.txt --max-word-characters 0 text.txt");
  EXPECT_EQ(zero.code, 2);
  EXPECT_THAT(zero.errors, HasSubstr("max_word_characters is 0"));
  EXPECT_THAT(run("tokenize --vocab vocab.txt --cased text.txt --count").output,
              HasSubstr("(0.000% [UNK])"));
  const Ended full = run("tokenize --vocab vocab.txt text.txt", ">/dev/full 2>err.txt");
  EXPECT_EQ(full.code, 74);
  EXPECT_THAT(full.errors, HasSubstr("writing to standard output failed: No space left"));
}

TEST_F(TextProgram, PrepareTakesStandardInputAndLearnsFromIt) {
  const Ended ended =
      run("prepare run.yaml corpus.text=[-] tokenizer.vocab=new.txt tokenizer.learn.size=100 "
          "<text.txt");
  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("written to new.txt"));
  EXPECT_THAT(ended.output, HasSubstr("from 20 documents, 60 sentences -> out/train"));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "out" / "input.tmp-prepare"));
  const std::string again = run("prepare run.yaml tokenizer.vocab=new.txt").output;
  EXPECT_THAT(again, HasSubstr("nothing to do"));
  EXPECT_THAT(again, HasSubstr("note        new.txt was learnt with size 100, min_frequency 2; "
                               "tokenizer.learn (size 30522, min_frequency 2) does not change it"));
}

TEST_F(TextProgram, TokenizeNamesWhatItWasGiven) {
  EXPECT_THAT(run("tokenize --vocab vocab.txt gone.txt").errors,
              HasSubstr("files: gone.txt does not exist"));
  EXPECT_THAT(run("tokenize '[x]' --vocab vocab.txt").errors,
              HasSubstr("files: no file matches '[x]'"));
  const Ended empty = run("tokenize --vocab vocab.txt --never-split '' text.txt");
  EXPECT_EQ(empty.code, 2);
  EXPECT_THAT(empty.errors, HasSubstr("--never-split is empty, expected a word to keep"));
}

TEST_F(TextProgram, TheCopyOfStandardInputGoesWhenPreparingFailsOrWasKilled) {
  const auto copy = directory_ / "out" / "input.tmp-prepare";
  EXPECT_EQ(run("prepare run.yaml corpus.text=[-] </dev/null").code, 3);
  EXPECT_FALSE(std::filesystem::exists(copy));
  EXPECT_EQ(run("prepare run.yaml corpus.text=[-] --memory 64MiB <text.txt").code, 2);
  EXPECT_FALSE(std::filesystem::exists(copy));
  std::filesystem::create_directories(copy);
  write("out/input.tmp-prepare/standard-input.txt", "what a killed one left");
  EXPECT_EQ(run("prepare run.yaml").code, 0);
  EXPECT_FALSE(std::filesystem::exists(copy));
}

TEST_F(TextProgram, AVocabularyOfOtherWordsIsRefused) {
  const std::string vocab = "prepare run.yaml tokenizer.vocab=new.txt tokenizer.learn.size=100";
  EXPECT_EQ(run(vocab).code, 0);
  const std::string before = read("new.txt");

  const Ended ended = run(vocab + " tokenizer.lower_case=false");

  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.errors,
              HasSubstr("new.txt was learnt from words with lower_case true, strip_accents true, "
                        "split_cjk true; now the tokenizer says lower_case false"));
  EXPECT_EQ(read("new.txt"), before);
  write("new.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\nc\n.\n");
  EXPECT_EQ(run(vocab + " tokenizer.lower_case=false").code, 0)
      << "it is no longer what was learnt";
}

TEST_F(TextProgram, TwoPreparationsInOnePlaceAreRefused) {
  std::filesystem::create_directories(directory_ / "out");
  Logger log{{}};
  const DirectoryLock held(directory_ / "out", {"samples.out", "samples.out"}, log);

  const Ended ended = run("prepare run.yaml");

  EXPECT_EQ(ended.code, 4);
  EXPECT_THAT(ended.errors, HasSubstr("samples.out out is in use by process "));
  EXPECT_THAT(ended.errors, HasSubstr("choose another samples.out"));
}

TEST_F(TextProgram, PrepareReportsWhatIsWrongWithTheText) {
  write("text.jsonl",
        "{\"text\":\"a\\u0000. c.\"}\n{\"text\":1}\n{\"text\":\"c \xFF. a.\"}\n{\"text\":\"\"}\n");
  const Ended ended = run("prepare run.yaml corpus.text=[text.jsonl] corpus.layout=jsonl");
  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("note        1 invalid UTF-8 sequences"));
  EXPECT_THAT(ended.output, HasSubstr("note        1 NUL bytes were dropped"));
  EXPECT_THAT(ended.output,
              HasSubstr("note        1 empty documents, or surplus blank lines, were left out"));
  EXPECT_THAT(ended.output, HasSubstr("note        1 JSONL lines could not be used:\n"
                                      "              text.jsonl:2: the line has a number in the "
                                      "field 'text', expected a string\n"));
  EXPECT_THAT(read("out/train/manifest.json"), HasSubstr("\"bad_lines\": 1"));
}

TEST_F(TextProgram, PrepareAsksWhetherAnotherLayoutIsMeant) {
  write("text.txt", "{\"text\": \"a. c.\"}\n{\"text\": \"c. a.\"}\n\n{a}\nc.\n");
  const Ended ended = run("prepare run.yaml corpus.layout=sentences");
  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("note        2 lines look like JSON or like <doc ...> but "
                                      "were read as text: is another corpus.layout meant"));
}

TEST_F(TextProgram, PrepareRefusesAFileForItsSamples) {
  write("afile", "");
  const Ended ended = run("prepare run.yaml samples.out=afile");
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.errors, HasSubstr("samples.out is afile, which is a file, expected a directory "
                                      "or a name that is free"));
}

TEST_F(TextProgram, PrepareSaysThatATextIsNamedTwice) {
  const Ended ended = run("prepare run.yaml corpus.text=[text.txt,./text.txt]");
  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(run("prepare run.yaml corpus.text=[text.txt,./text.txt,text.t*]").output,
              HasSubstr("names ./text.txt more than once, and 1 more: copies"));
  EXPECT_THAT(ended.output, HasSubstr("note        corpus.text names ./text.txt more than once: "
                                      "copies count as other documents"));
}

TEST_F(TextProgram, PrepareSaysWhyNoLineCouldBeUsed) {
  write("text.jsonl", "{\"body\":\"a. c.\"}\n{\"body\":\"c.\"}\n");
  const std::string jsonl = "prepare run.yaml corpus.text=[text.jsonl] corpus.layout=jsonl ";
  EXPECT_THAT(run(jsonl).errors, HasSubstr("2 lines could not be used, text.jsonl:1 because it has "
                                           "no field 'text'"));
  EXPECT_THAT(run(jsonl + "tokenizer.vocab=new.txt").errors,
              HasSubstr("the text holds not one word: text.jsonl:1: the line has no field 'text'"));
  // With a vocabulary of one's own nothing is left of that which could not be learnt.
  EXPECT_TRUE(std::filesystem::exists(directory_ / "out/words.tmp-prepare"));
  EXPECT_EQ(run(jsonl + "corpus.field=body").code, 0);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "out/words.tmp-prepare"));
}

TEST_F(TextProgram, PrepareReadsFilesOfAnyName) {
  std::filesystem::create_directory(directory_ / "texts");
  write("texts/caf\xE9.jsonl", "{\"text\":\"a. c.\"}\n{}\n{\"text\":\"c. a.\"}\n");
  const Ended ended = run("prepare run.yaml corpus.text=[texts] corpus.layout=jsonl");
  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(read("out/train/manifest.json"), HasSubstr("texts/caf\uFFFD.jsonl"));
  EXPECT_THAT(run("prepare run.yaml corpus.text=[texts] corpus.layout=jsonl").output,
              HasSubstr("nothing to do"));
}

TEST_F(TextProgram, PrepareReadsNoPipeAndNothingOfItsOwn) {
  const Ended pipe = run("prepare run.yaml corpus.text=[/dev/null]");
  EXPECT_EQ(pipe.code, 3);
  EXPECT_THAT(pipe.errors, HasSubstr("corpus.text: /dev/null is a pipe or a device"));
  std::filesystem::create_directory(directory_ / "texts");
  std::filesystem::rename(directory_ / "text.txt", directory_ / "texts/text.txt");
  const Ended out = run("prepare run.yaml corpus.text=[texts/] samples.out=texts/out");
  EXPECT_EQ(out.code, 2);
  EXPECT_THAT(out.errors, HasSubstr("samples.out is texts/out, which lies in texts/ of corpus.text "
                                    "and would be read as text"));
  EXPECT_THAT(run("prepare run.yaml corpus.text=[texts] tokenizer.vocab=./texts/v.txt").errors,
              HasSubstr("tokenizer.vocab is ./texts/v.txt, which lies in texts"));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "texts/out"));
  EXPECT_EQ(run("prepare run.yaml corpus.text=[texts] samples.out=texts-out").code, 0);
  EXPECT_THAT(run("prepare run.yaml 'corpus.text=[v*.txt]'").errors,
              HasSubstr("corpus.text takes vocab.txt, which is tokenizer.vocab and no text"));
  EXPECT_THAT(run("prepare run.yaml 'corpus.text=[texts*]' samples.out=texts-out").errors,
              HasSubstr("which is of samples.out and no text"));
}

TEST_F(TextProgram, PrepareSaysWhereFewerAreMaskedThanTheRateSays) {
  const Ended ended = run("prepare run.yaml samples.mask.max_predictions=1");
  EXPECT_THAT(ended.output,
              HasSubstr("note        samples.mask.max_predictions is 1, so that of 16 tokens 6.2% "
                        "are masked and not 15.0%; 2 would do"));
  EXPECT_THAT(run("prepare run.yaml samples.out=other").output, Not(HasSubstr("max_predictions")));
}

TEST_F(TextProgram, PrepareNeedsFewDescriptors) {
  std::filesystem::create_directory(directory_ / "texts");
  for (int i = 0; i < 20; ++i) {
    std::ofstream file(directory_ / ("texts/" + std::to_string(i) + ".txt"));
    for (int d = 0; d < 4; ++d) file << "a ab c " << i << ' ' << d << ".\nc c ab.\n\n";
    file << std::string(9 << 19, '\n');  // more than half of a group: it has one of its own
  }
  const std::string prepare =
      "prepare run.yaml corpus.text=[texts] corpus.held_out=40% --threads 1";
  const Ended few = run(prepare + " samples.out=few");
  const std::string limited = "cd '" + directory_.path().string() +
                              "' && ulimit -n 40 && '" BERTYARD_PROGRAM "' " + prepare +
                              " >out.txt 2>err.txt";
  const int status = std::system(limited.c_str());
  EXPECT_EQ(WEXITSTATUS(status), 0) << read("err.txt");
  EXPECT_EQ(few.code, 0) << few.errors;
  for (const char* part : {"train", "valid"}) {
    const std::string shard = std::string(part) + "/shard-00000.h5";
    EXPECT_EQ(read("few/" + shard), read("out/" + shard));
  }
}

TEST_F(TextProgram, AVocabularyOfTextThatWasReadInAnotherWayIsNoted) {
  write("text.jsonl", "{\"text\":\"a. c.\"}\n{\"text\":\"c. a.\"}\n");
  const std::string learn =
      "prepare run.yaml corpus.text=[text.jsonl] tokenizer.vocab=new.txt tokenizer.learn.size=100 "
      "tokenizer.learn.min_frequency=1 samples.next_sentence=none ";
  EXPECT_EQ(run(learn).code, 0);
  EXPECT_THAT(run(learn + "corpus.layout=jsonl").output,
              HasSubstr("new.txt was learnt from text that was read with another corpus.layout"));
  EXPECT_THAT(run(learn + "corpus.held_out=10%").output, Not(HasSubstr("another corpus.layout")));
}

TEST_F(TextProgram, PrepareRefusesTooLittleMemory) {
  const Ended ended = run("prepare run.yaml --memory 64MiB");
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.errors, HasSubstr("samples.memory is 64 MiB, reading text needs 160 MiB"));
  EXPECT_THAT(run("prepare run.yaml --memory much").errors, HasSubstr("samples.memory"));
  std::filesystem::resize_file(directory_ / "text.txt", 64 << 20);
  EXPECT_THAT(run("prepare run.yaml tokenizer.vocab=new.txt --memory 900MiB").errors,
              HasSubstr("building a shard of up to 448 MiB needs 1024 MiB"));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "out" / "words.tmp-prepare"));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "out" / "work.tmp-prepare"));
}

TEST_F(TextProgram, ALanguageIsANameOrAFile) {
  EXPECT_THAT(run("prepare run.yaml corpus.language=de").errors, HasSubstr("en, zh"));
  const Ended missing = run("prepare run.yaml corpus.language=./de.txt");
  EXPECT_EQ(missing.code, 3);
  EXPECT_THAT(missing.errors, HasSubstr("de.txt: cannot be opened"));
  write("de.txt", "numbers: ordinal\n");
  EXPECT_EQ(run("prepare run.yaml corpus.layout=paragraphs corpus.language=./de.txt").code, 0);
}

TEST(ProgressText, SaysShareRateAndTimeLeft) {
  EXPECT_EQ(progress_text({"text", 50000000, 200000000}, 5, 4),
            "text      25.0%  40.0 MB/s  15s left");
  EXPECT_EQ(progress_text({"samples", 0, 10}, 0, 1), "samples    0.0%  0.0 M tokens/s  0s left");
  EXPECT_EQ(progress_text({"reading", 2048, 0}, 5, 1), "reading  2,048 documents");
}

}  // namespace
}  // namespace bertyard
