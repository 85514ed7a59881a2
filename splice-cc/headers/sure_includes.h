// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sure includes: which files a compile has read, in any configuration, once it has read a file or a
// part of one. The include graph may hold files too many; here there may be too few.
//
//     #ifndef _LINUX_EVENTFD_H
//     #define _LINUX_EVENTFD_H       a guard is no condition
//     #include <linux/wait.h>        sure, with all that it surely includes
//     #ifdef CONFIG_X
//     #include <linux/x.h>           not sure
//
// What has been read already, and has a guard, has no effect when an #include line asks for it
// again.
//
// Invariant: a file is called sure only if every compile that reads this far has read it, or is in
// the middle of it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "splice-cc/headers/include_graph.h"

namespace splicer {

// What reading a text does, whatever the configuration.
struct SureIncludes {
  std::vector<std::string> includes;  // as include_lines(); those under no condition
  std::size_t leading = 0;            // so many of them are before all code and all conditions
  bool once = false;                  // reading it again has no effect
};
// `most`: only that many #include lines from the beginning.
SureIncludes sure_includes(std::string_view text, std::size_t most = SIZE_MAX);

// Follows them from file to file. Each file is read once. For one thread.
class SureReads {
 public:
  using Texts = std::map<std::string, std::string>;
  // All must outlive it. Of a file that is in `others`, too, only what both texts say is sure.
  SureReads(const IncludeGraph& graph, const ReadSource& read, const Texts& others)
      : graph_(graph), read_(read), others_(others) {}

  // All that is surely read with the file, itself among them, and what every compile reads first.
  const std::set<std::string>& of(const std::string& path);
  // The same without itself, as far as it is read before the first code and condition of the file.
  const std::set<std::string>& before_code_of(const std::string& path);
  // What is surely read before the line after the first `count` #include lines of this text.
  std::set<std::string> above(const std::string& path, std::string_view text, std::size_t count);
  // Has reading it again no effect?
  bool is_read_once(const std::string& path) { return file(path).once; }

 private:
  struct File {
    std::vector<std::string> includes;  // paths
    std::vector<std::string> leading;   // those before all code
    bool once = false;
  };
  const File& file(const std::string& path);
  File read_file(const std::string& path, std::string_view text) const;
  std::vector<std::string> meant(const std::string& path,
                                 const std::vector<std::string>& includes) const;
  std::set<std::string> closure(std::vector<std::string> todo);

  const IncludeGraph& graph_;
  const ReadSource& read_;
  const Texts& others_;
  std::map<std::string, File> files_;
  std::map<std::string, std::set<std::string>> closures_;
  std::map<std::string, std::set<std::string>> before_code_;
};

}  // namespace splicer
