// SPDX-License-Identifier: GPL-2.0-or-later
//
// An update as the core module and a record of ours describe it, in folders of a test: sys/ID/ and run/ID.json.
//
//     AppliedRecord record;
//     record.id = "42acce30ee7d420c";
//     add_applied(folder, record, 1);
//     State::read(folder / "sys"), AppliedRecords::read(folder / "run")
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "runtime/prepare/applied_record.h"
#include "tests/support/temporary_folder.h"

namespace splicer {

inline void add_applied(const TemporaryFolder& folder, const AppliedRecord& record,
                        unsigned sequence, unsigned pause_ns = 1) {
  for (const auto& [file, text] : {std::pair<std::string, std::string>{"state", "applied\n"},
                                   {"pause_ns", std::to_string(pause_ns) + "\n"},
                                   {"applied_at", "1\n"},
                                   {"sequence", std::to_string(sequence)},
                                   {"modules", "splice_" + record.id + "_0\n"},
                                   {"functions", ""}})
    folder.write("sys/" + record.id + "/" + file, text);
  EXPECT_TRUE(write_record(record, folder / "run"));
}

}  // namespace splicer
