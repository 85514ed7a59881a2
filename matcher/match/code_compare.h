// SPDX-License-Identifier: GPL-2.0-or-later
//
// Compares the code of one pre section with memory.
//
// Three ways, in the order of their cost; each is tried only where the one before finds a
// difference:
//
//     as built    the bytes beside the relocated fields are equal, and every field is the plain
//                 relocated value: most of a kernel on disk (reference_plan.h)
//     straight    the same layout: stretches between rewriting sites are compared with memcmp,
//                 relocated fields are proved as references, and sites against their permitted
//                 encodings
//     layout      instruction by instruction, where an assembler or linker chose other sizes for
//                 the same code (layout_compare.h)
//
// Invariant: all ways accept only code that does the same; the last tolerates layout, never another
// instruction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "matcher/base/address.h"
#include "matcher/elf/elf_object.h"
#include "matcher/image/image.h"
#include "matcher/match/encodings.h"
#include "matcher/match/fields.h"
#include "matcher/match/references.h"
#include "matcher/match/sites.h"

namespace splicer {

struct Difference {
  SectionOffset pre_offset;
  std::uint64_t run_offset = 0;  // from the code's start in memory
  std::string reason;
};

// Code as an image has it: where it is, if it is in one piece, otherwise a copy.
class RunCode {
 public:
  // Errors: those of Image::read().
  static Result<RunCode> read(const Image& image, RunAddress address, std::size_t size);
  RunCode() = default;
  RunCode(RunCode&&) = default;
  RunCode& operator=(RunCode&&) = default;
  RunCode(const RunCode&) = delete;
  RunCode& operator=(const RunCode&) = delete;
  ~RunCode() = default;

  Bytes bytes() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  void shorten(std::size_t size) { bytes_ = bytes_.first(size); }

 private:
  std::vector<std::uint8_t> copy_;
  Bytes bytes_;  // of copy_, which keeps its place when it is moved, or of the image
};

struct Comparison {
  std::optional<Difference> difference;  // nothing: it matches
  RunCode run;                           // the code in memory, as long as it is there
  // Pairs (pre, run) of instruction starts when the layout differs; else empty.
  std::vector<std::pair<SectionOffset, std::uint64_t>> moved;
  std::vector<std::pair<SectionOffset, std::string>> hooks;  // ftrace site in the section, who

  // Where in memory the code of this pre offset is.
  std::uint64_t run_offset(SectionOffset pre_offset) const;
  // Does a jump to `run_at` of the code in memory mean the same as one to `pre_offset`? Nops that
  // differ in number count for nothing.
  bool is_same_place(SectionOffset pre_offset, std::uint64_t run_at) const;
};

// What comparisons of one object with one image share. Not for two threads at once, since a trial
// is not.
class CodeComparer {
 public:
  CodeComparer(const ElfObject& object, const SiteTables& sites, const Image& image)
      : object_(object), sites_(sites), image_(image), encodings_(object, sites, image) {}

  // Compares the whole of `section` with the code at `address`. What is learnt goes to `trial`,
  // which is as it was when there is a difference.
  Comparison compare(std::uint32_t section, RunAddress address, Trial& trial) const;

  const ElfObject& object() const { return object_; }
  const std::vector<SiteGroup>& groups(std::uint32_t section) const { return sites_.in(section); }
  const Encodings& encodings() const { return encodings_; }

 private:
  const ElfObject& object_;
  const SiteTables& sites_;
  const Image& image_;
  Encodings encodings_;
};

// One comparison of one section with the code at one address, the straight way.
class SectionComparison {
 public:
  SectionComparison(const CodeComparer& comparer, std::uint32_t section, RunAddress address,
                    Trial& trial)
      : comparer_(comparer),
        object_(comparer.object()),
        section_(section),
        pre_(object_.section(section).bytes),
        address_(address),
        trial_(trial) {}
  SectionComparison(const SectionComparison&) = delete;
  SectionComparison& operator=(const SectionComparison&) = delete;
  virtual ~SectionComparison() = default;

  // `run` is as long as the section.
  std::optional<Difference> compare_straight(Bytes run);
  // Who is called from the ftrace sites met, by pre offset.
  std::vector<std::pair<SectionOffset, std::string>> take_hooks() { return std::move(hooks_); }

 protected:
  // Proves one relocated field that is at `address`; returns the reason if it cannot be.
  virtual std::optional<std::string> prove(const Relocation& relocation, Bytes field,
                                           RunAddress address, SectionOffset place);
  // What has been proved so far, to be undone by back_to().
  struct Mark {
    std::size_t trial = 0;
    std::size_t branches = 0;  // of the layout's comparison
  };
  virtual Mark mark() const { return {trial_.mark(), 0}; }
  virtual void back_to(const Mark& mark) { trial_.back_to(mark.trial); }

  // Is what `run` has at `address` a permitted encoding of the group? Returns the reason if not.
  std::optional<std::string> compare_group(const SiteGroup& group, RunAddress address, Bytes run);

  const CodeComparer& comparer_;
  const ElfObject& object_;
  const std::uint32_t section_;
  const Bytes pre_;
  const RunAddress address_;  // where the section's beginning would be
  Trial& trial_;

 private:
  bool is_as_built(const SiteGroup& group, RunAddress address, Bytes run);
  std::optional<std::string> compare_encoding(const SiteGroup& group, const Encoding& encoding,
                                              RunAddress address, Bytes run);

  std::vector<std::pair<SectionOffset, std::string>> hooks_;
};

}  // namespace splicer
