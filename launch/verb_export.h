// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace bertyard {

enum class VerifyExport { yes, no };

struct ExportVerbOptions {
  std::string model;  // a run or a checkpoint
  std::string to;     // directory to write
  VerifyExport verify = VerifyExport::no;
};

// `bertyard export`: a Hugging Face directory that BertForPreTraining opens. With VerifyExport::yes
// it is read back and every tensor compared bit by bit.
int run_export(const ExportVerbOptions& options);

}  // namespace bertyard
