// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/module/livepatch_frame.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "matcher/elf/elf_object.h"

namespace splicer {

namespace {

// What the frame itself may import, beside what the new code does. A version that nothing needs does no harm.
constexpr const char* kOwnImports[] = {
    "module_layout",           "klp_enable_patch", "__fentry__",
    "__x86_return_thunk",      "__module_get",     "__stack_chk_fail",
    "__x86_indirect_thunk_rax"};

bool may_refuse(const PackageHook& hook) { return hook.kind.starts_with("pre_"); }

// The hooks of one target for each callback, by their numbers in the whole update.
using Hooks = std::map<std::string, std::vector<std::size_t>>;

class Text {
 public:
  Text(const Manifest& manifest, const Exports& exports) : manifest_(manifest), exports_(exports) {}

  std::string write(std::set<std::string> imports) {
    add("#define INCLUDE_VERMAGIC\n#include <linux/module.h>\n#include <linux/vermagic.h>\n"
        "#include <linux/livepatch.h>\n\n");
    imports.insert(std::begin(kOwnImports), std::end(kOwnImports));
    information(imports);
    versions(imports);
    for (std::size_t i = 0; i < manifest_.targets.size(); ++i) functions(i);
    for (std::size_t i = 0; i < manifest_.targets.size(); ++i) callbacks(i);
    objects();
    module();
    return std::move(text_);
  }

 private:
  template <typename... T>
  void add(fmt::format_string<T...> format, T&&... values) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<T>(values)...);
  }

  void information(const std::set<std::string>& imports) {
    add("MODULE_INFO(license, \"GPL\");\nMODULE_INFO(description, \"hot update made by "
        "splice-create\");\n"
        "MODULE_INFO(livepatch, \"Y\");\nMODULE_INFO(retpoline, \"Y\");\nMODULE_INFO(depends, "
        "\"\");\n"
        "MODULE_INFO(vermagic, VERMAGIC_STRING);\n");
    for (const std::string& space : name_spaces(imports, exports_))
      add("MODULE_INFO(import_ns, \"{}\");\n", space);
  }

  // As modpost writes them (scripts/mod/modpost.c, add_versions()).
  void versions(const std::set<std::string>& imports) {
    add("\n#ifdef CONFIG_MODVERSIONS\n"
        "static const struct modversion_info versions[]\n__used __section(\"__versions\") = {{\n");
    for (const std::string& import : imports)
      if (const auto symbol = exports_.find(import); symbol != exports_.end())
        add("\t{{ {:#010x}, \"{}\" }},\n", symbol->second.crc, import);
    add("}};\n#endif\n");
  }

  void functions(std::size_t target) {
    std::string rows;
    add("\n");
    for (const PackageFunction& function : manifest_.targets[target].functions) {
      if (function.kind != "replaced") continue;
      add("extern char splice_new_{0}[], splice_position_{0}[];\n", next_function_);
      rows += fmt::format(
          "\t{{ .old_name = \"{0}\", .new_func = splice_new_{1},\n"
          "\t  .old_sympos = (unsigned long)splice_position_{1} }},\n",
          function.name, next_function_++);
    }
    add("static struct klp_func functions_{}[] = {{\n{}\t{{}}\n}};\n", target, rows);
  }

  // Each callback that the target has hooks for; which, is noted for its row of objects.
  void callbacks(std::size_t target) {
    Hooks hooks;
    for (const PackageHook& hook : manifest_.targets[target].hooks) {
      add("extern {} splice_hook_{}(void);\n", may_refuse(hook) ? "int" : "void", next_hook_);
      hooks[std::string(livepatch_callback(hook))].push_back(next_hook_++);
    }
    std::string& rows = callbacks_.emplace_back();
    for (const std::string callback : {"pre_patch", "post_patch", "pre_unpatch", "post_unpatch"}) {
      std::vector<std::size_t>& numbers = hooks[callback];
      if (numbers.empty()) continue;
      // As the core module does it: what is undone, backwards.
      if (callback.ends_with("unpatch")) std::ranges::reverse(numbers);
      rows += fmt::format(" .{0} = {0}_{1},", callback, target);
      const bool asked = callback == "pre_patch";
      add("static {} {}_{}(struct klp_object *object)\n{{\n", asked ? "int" : "void", callback,
          target);
      if (asked) add("\tint refused = 0;\n\n");
      // One that cannot refuse gives 0, and is not asked.
      for (const std::size_t hook : numbers)
        if (asked)
          add("\tif (!refused)\n\t\trefused = splice_hook_{}();\n", hook);
        else
          add("\tsplice_hook_{}();\n", hook);
      if (asked) add("\treturn refused;\n");
      add("}}\n");
    }
  }

  void objects() {
    add("\nstatic struct klp_object objects[] = {{\n");
    for (std::size_t i = 0; i < manifest_.targets.size(); ++i) {
      const std::string& name = manifest_.targets[i].name;
      add("\t{{ .name = {}, .funcs = functions_{},\n\t  .callbacks = {{{} }} }},\n",
          name == "vmlinux" ? "NULL" : "\"" + name + "\"", i, callbacks_[i]);
    }
    add("\t{{}}\n}};\n\nstatic struct klp_patch patch = {{\n\t.mod = THIS_MODULE,\n\t.objs = "
        "objects,\n}};\n");
  }

  void module() {
    add("\nstatic int __init livepatch_init(void)\n{{\n\tint failed = "
        "klp_enable_patch(&patch);\n\n");
    if (!manifest_.keeps.empty()) add("\tif (!failed)\n\t\t__module_get(THIS_MODULE);\n");
    add("\treturn failed;\n}}\n\n"
        "#ifdef CONFIG_MODULE_UNLOAD\nstatic void __exit livepatch_exit(void)\n{{\n}}\n#endif\n\n"
        "__visible struct module __this_module\n__section(\".gnu.linkonce.this_module\") = {{\n"
        "\t.name = \"livepatch_{}\",\n\t.init = livepatch_init,\n"
        "#ifdef CONFIG_MODULE_UNLOAD\n\t.exit = livepatch_exit,\n#endif\n"
        "\t.arch = MODULE_ARCH_INIT,\n}};\n",
        kIdPlaceholder);
  }

  const Manifest& manifest_;
  const Exports& exports_;
  std::string text_;
  std::size_t next_function_ = 0;
  std::size_t next_hook_ = 0;
  std::vector<std::string> callbacks_;  // by target: initialisers of struct klp_callbacks
};

}  // namespace

Result<std::set<std::string>> imports_of(const Package& package) {
  std::set<std::string> imports;
  for (const PackageTarget& target : package.manifest.targets) {
    auto module = ElfObject::parse(package.members.at(target.new_member), target.new_member);
    if (!module) return propagate(module);
    // A name that one target lists may be an import of another.
    std::set<std::string> listed;
    for (const PackageSymbol& symbol : target.symbols) listed.insert(symbol.name);
    for (const Symbol& symbol : module->symbols())
      if (symbol.undefined() && !symbol.name.empty() && !listed.contains(symbol.name))
        imports.insert(symbol.name);
  }
  return imports;
}

std::string livepatch_frame(const Manifest& manifest, const std::set<std::string>& imports,
                            const Exports& exports) {
  return Text(manifest, exports).write(imports);
}

}  // namespace splicer
