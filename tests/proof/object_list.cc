// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/proof/object_list.h"

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "matcher/elf/module_name.h"
#include "matcher/image/disk_image.h"
#include "matcher/image/live_image.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

// A module's file and, after it, the files of all that it needs.
Result<std::map<std::string, std::vector<fs::path>>> read_dependencies(const fs::path& folder) {
  std::ifstream in(folder / "modules.dep");
  if (!in)
    return fail(ExitCode::error, "file-unreadable", "cannot be read")
        .at_file((folder / "modules.dep").string())
        .hint("depmod -b ROOT REL");
  std::map<std::string, std::vector<fs::path>> files;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string first;
    if (!(words >> first)) continue;
    first.pop_back();  // its colon
    std::vector<fs::path>& all = files[module_name_of(first)];
    all.push_back(folder / first);
    for (std::string needed; words >> needed;) all.push_back(folder / needed);
  }
  return files;
}

Result<std::vector<ListedObject>> load_list(const std::string& path) {
  std::ifstream in(path);
  if (!in) return fail(ExitCode::error, "file-unreadable", "cannot be read").at_file(path);
  std::vector<ListedObject> objects;
  ListedObject object;
  while (in >> object.target >> object.unit >> object.path) objects.push_back(object);
  return objects;
}

Result<std::unique_ptr<Image>> open_for(const std::vector<ListedObject>& objects,
                                        const std::string& image, const std::string& folder) {
  if (image == "live") return open_live_image();
  std::set<fs::path> modules;
  if (!folder.empty()) {
    auto files = read_dependencies(folder);
    if (!files) return propagate(files);
    for (const ListedObject& object : objects)
      if (const auto known = files->find(object.target); known != files->end())
        modules.insert(known->second.begin(), known->second.end());
  }
  return open_disk_image(image, {modules.begin(), modules.end()});
}

}  // namespace

void add_listed_options(Command& command) {
  namespace po = boost::program_options;
  command.options().add_options()("image", po::value<std::string>()->required(), "a vmlinuz")(
      "modules", po::value<std::string>()->default_value(""), "lib/modules/REL");
  command.positional("list", 1);
}

Result<ListedKernel> open_listed(const Command& command) {
  const auto text = [&](const char* name) { return command.values()[name].as<std::string>(); };
  if (!command.has("list")) return fail(ExitCode::usage, "usage", "no list is given");
  auto objects = load_list(command.values()["list"].as<std::vector<std::string>>().front());
  if (!objects) return propagate(objects);
  auto image = open_for(*objects, text("image"), text("modules"));
  if (!image) return propagate(image);
  return ListedKernel{std::move(*objects), std::move(*image)};
}

}  // namespace splicer
