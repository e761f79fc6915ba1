// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "parallel/control_plane.h"

namespace bertyard {

// Who has to mend a difference: the user's configuration, or the installation.
enum class ItemOrigin { configuration, environment };

struct AgreementItem {
  std::string name;   // "train.seed", "program hash", "OPENBLAS threads"
  std::string value;  // text or the hash of something long
  ItemOrigin origin = ItemOrigin::configuration;
};

// Compares the items of all ranks, by name. Where they differ throws the same error on every rank:
// each item with its values and the ranks that have them. EnvironmentError when an item of the
// environment differs, for then the configurations may only have been read differently; UsageError
// otherwise.
void check_same_everywhere(ControlPlane& control, const std::vector<AgreementItem>& items);

// "0-2, 5": ascending ranks as people write them.
std::string rank_list(const std::vector<int>& ranks);

}  // namespace bertyard
