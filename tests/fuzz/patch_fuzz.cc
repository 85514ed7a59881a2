// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any bytes as a patch, or a mail that carries one: refused, or files with paths inside the tree and
// diffs under headers that name them; and what was taken apart is taken apart in the same way again, hunk by
// hunk, too. Its name and its CVE ids are such. Taken as a C file it has constructs that ascend.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "runtime/package/cve.h"
#include "runtime/package/update_name.h"
#include "splice-cc/headers/top_level.h"
#include "splice-cc/source/hunks.h"
#include "splice-cc/source/mail.h"
#include "splice-cc/source/patch_set.h"

namespace {

bool is_inside(const std::string& path) {
  const std::filesystem::path parts(path);
  if (path.empty() || parts.is_absolute()) return false;
  for (const std::filesystem::path& part : parts)
    if (part == ".." || part.empty()) return false;
  return true;
}

void take_apart(const splicer::Patch& patch) {
  const splicer::PatchSet all({patch});
  const std::vector<splicer::Hunk> hunks = splicer::hunks_of(all);
  std::set<std::size_t> numbers;
  for (const splicer::Hunk& hunk : hunks) {
    if (!std::ranges::is_sorted(hunk.points)) std::abort();
    numbers.insert(numbers.size());
  }
  const splicer::PatchSet same = splicer::with_hunks(all, hunks, numbers);
  if (same.patches().size() != 1 || same.patches()[0].files.size() != patch.files.size())
    std::abort();
  for (std::size_t i = 0; i < patch.files.size(); ++i)
    if (same.patches()[0].files[i].text != patch.files[i].text) std::abort();
  for (const unsigned line : {1U, 100U})
    if (splicer::old_place(hunks, numbers, patch.files[0].path, line).line == 0) std::abort();
}

void read_as_c(const std::string& text) {
  unsigned before = 0;
  for (const splicer::Construct& one : splicer::top_level(text)) {
    if (one.first == 0 || one.last < one.first || one.first < before) std::abort();
    before = one.first;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::filesystem::path nowhere = "/nonexistent";
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  read_as_c(bytes);
  const auto text = splicer::text_of_mail(bytes, "fuzz.patch");
  if (!text) {
    if (text.error().code != "patch-malformed") std::abort();
    return 0;
  }
  const auto patch = splicer::parse_patch(*text, "fuzz.patch", nowhere);
  if (!patch) {
    if (patch.error().code.empty() || patch.error().file != "fuzz.patch") std::abort();
    return 0;
  }
  if (patch->files.empty()) std::abort();
  take_apart(*patch);
  // What it says becomes a name and CVE ids in a manifest.
  const std::vector<std::string> fixes = splicer::cve_ids_in(patch->prose);
  if (!std::ranges::all_of(fixes, splicer::is_cve_id) ||
      !splicer::is_update_name(splicer::default_name({patch->title}, fixes)) ||
      !splicer::is_update_name(splicer::default_name({patch->title, ""}, {})))
    std::abort();
  for (const splicer::PatchFile& file : patch->files) {
    if (!is_inside(file.path)) std::abort();
    const auto again = splicer::parse_patch(file.text, file.path, nowhere);
    if (!again || again->files.size() != 1 || again->files[0].path != file.path ||
        again->files[0].text != file.text)
      std::abort();
  }
  return 0;
}
