// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace bertyard {

enum class VerifyExport { yes, no };

struct ExportVerbOptions {
  std::string model;  // a run, a fine-tuning, a checkpoint or a Hugging Face directory
  std::string to;     // directory to write
  VerifyExport verify = VerifyExport::no;
};

// `bertyard export`: a Hugging Face directory that BertForPreTraining opens, or, of a fine-tuned
// model, the class of its task (an ELMo, a CRF and a BiLSTM are in our own form, and a note says
// so); of a fine-tuning the best model is taken. With VerifyExport::yes it is read back and every
// tensor compared bit by bit.
int run_export(const ExportVerbOptions& options);

}  // namespace bertyard
