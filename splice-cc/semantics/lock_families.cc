// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/lock_families.h"

#include <map>
#include <optional>

namespace splicer {

namespace {

constexpr bool kReference = true;
constexpr auto kZero = Succeeds::if_zero;
constexpr auto kNonzero = Succeeds::if_nonzero;

struct Row {
  const char* callee;
  const char* family;
  int change;
  int argument = 0;
  Succeeds when = Succeeds::always;
};

// linux/mutex.h, rwsem.h, semaphore.h, rcupdate.h, srcu.h, bottom_half.h, irqflags.h, preempt.h,
// percpu-rwsem.h, ww_mutex.h, rtmutex.h, pagemap.h, net/sock.h, rtnetlink.h
constexpr Row kLocks[] = {
    {"mutex_lock", "mutex", 1},
    {"mutex_lock_nested", "mutex", 1},
    {"mutex_lock_io", "mutex", 1},
    {"mutex_lock_io_nested", "mutex", 1},
    {"mutex_lock_interruptible", "mutex", 1, 0, kZero},
    {"mutex_lock_interruptible_nested", "mutex", 1, 0, kZero},
    {"mutex_lock_killable", "mutex", 1, 0, kZero},
    {"mutex_lock_killable_nested", "mutex", 1, 0, kZero},
    {"mutex_trylock", "mutex", 1, 0, kNonzero},
    {"mutex_unlock", "mutex", -1},
    {"ww_mutex_lock", "ww_mutex", 1, 0, kZero},
    {"ww_mutex_lock_interruptible", "ww_mutex", 1, 0, kZero},
    {"ww_mutex_trylock", "ww_mutex", 1, 0, kNonzero},
    {"ww_mutex_unlock", "ww_mutex", -1},
    {"rt_mutex_lock", "rt_mutex", 1},
    {"rt_mutex_trylock", "rt_mutex", 1, 0, kNonzero},
    {"rt_mutex_unlock", "rt_mutex", -1},
    {"down", "semaphore", 1},
    {"down_interruptible", "semaphore", 1, 0, kZero},
    {"down_killable", "semaphore", 1, 0, kZero},
    {"down_timeout", "semaphore", 1, 0, kZero},
    {"down_trylock", "semaphore", 1, 0, kZero},
    {"up", "semaphore", -1},
    {"down_read", "rwsem (read)", 1},
    {"down_read_nested", "rwsem (read)", 1},
    {"down_read_non_owner", "rwsem (read)", 1},
    {"down_read_interruptible", "rwsem (read)", 1, 0, kZero},
    {"down_read_killable", "rwsem (read)", 1, 0, kZero},
    {"down_read_killable_nested", "rwsem (read)", 1, 0, kZero},
    {"down_read_trylock", "rwsem (read)", 1, 0, kNonzero},
    {"up_read", "rwsem (read)", -1},
    {"up_read_non_owner", "rwsem (read)", -1},
    {"down_write", "rwsem", 1},
    {"down_write_nested", "rwsem", 1},
    {"down_write_nest_lock", "rwsem", 1},
    {"down_write_killable", "rwsem", 1, 0, kZero},
    {"down_write_killable_nested", "rwsem", 1, 0, kZero},
    {"down_write_trylock", "rwsem", 1, 0, kNonzero},
    {"up_write", "rwsem", -1},
    {"downgrade_write", "rwsem", -1},
    {"downgrade_write", "rwsem (read)", 1},
    {"percpu_down_read", "percpu_rwsem (read)", 1},
    {"percpu_down_read_trylock", "percpu_rwsem (read)", 1, 0, kNonzero},
    {"percpu_up_read", "percpu_rwsem (read)", -1},
    {"percpu_down_write", "percpu_rwsem", 1},
    {"percpu_up_write", "percpu_rwsem", -1},
    {"rcu_read_lock", "RCU", 1, kNoObject},
    {"rcu_read_unlock", "RCU", -1, kNoObject},
    {"rcu_read_lock_bh", "RCU (bh)", 1, kNoObject},
    {"rcu_read_unlock_bh", "RCU (bh)", -1, kNoObject},
    {"rcu_read_lock_sched", "RCU (sched)", 1, kNoObject},
    {"rcu_read_unlock_sched", "RCU (sched)", -1, kNoObject},
    {"srcu_read_lock", "SRCU", 1},
    {"srcu_read_unlock", "SRCU", -1},
    {"local_bh_disable", "bottom halves off", 1, kNoObject},
    {"local_bh_enable", "bottom halves off", -1, kNoObject},
    {"local_bh_disable_ip", "bottom halves off", 1, kNoObject},
    {"local_bh_enable_ip", "bottom halves off", -1, kNoObject},
    {"arch_local_irq_disable", "interrupts off", 1, kNoObject},
    {"arch_local_irq_save", "interrupts off", 1, kNoObject},
    {"arch_local_irq_enable", "interrupts off", -1, kNoObject},
    {"arch_local_irq_restore", "interrupts off", -1, kNoObject},
    {"local_irq_disable", "interrupts off", 1, kNoObject},
    {"local_irq_enable", "interrupts off", -1, kNoObject},
    {"preempt_count_add", "preemption off", 1, kNoObject},
    {"preempt_count_sub", "preemption off", -1, kNoObject},
    {"preempt_count_dec_and_test", "preemption off", -1, kNoObject},
    {"preempt_disable", "preemption off", 1, kNoObject},
    {"preempt_enable", "preemption off", -1, kNoObject},
    {"migrate_disable", "migration off", 1, kNoObject},
    {"migrate_enable", "migration off", -1, kNoObject},
    {"lock_sock", "socket lock", 1},
    {"lock_sock_nested", "socket lock", 1},
    {"lock_sock_fast", "socket lock", 1},
    {"release_sock", "socket lock", -1},
    {"unlock_sock_fast", "socket lock", -1},
    {"rtnl_lock", "RTNL", 1, kNoObject},
    {"rtnl_lock_killable", "RTNL", 1, kNoObject, kZero},
    {"rtnl_trylock", "RTNL", 1, kNoObject, kNonzero},
    {"rtnl_unlock", "RTNL", -1, kNoObject},
    {"lock_page", "page lock", 1},
    {"trylock_page", "page lock", 1, 0, kNonzero},
    {"unlock_page", "page lock", -1},
    {"folio_lock", "folio lock", 1},
    {"folio_trylock", "folio lock", 1, 0, kNonzero},
    {"folio_unlock", "folio lock", -1},
    {"lock_buffer", "buffer lock", 1},
    {"trylock_buffer", "buffer lock", 1, 0, kNonzero},
    {"unlock_buffer", "buffer lock", -1},
    // These drop a count, and return with the lock if it was the last.
    {"refcount_dec_and_mutex_lock", "mutex", 1, 1, kNonzero},
    {"refcount_dec_and_lock", "spinlock", 1, 1, kNonzero},
    {"refcount_dec_and_lock_irqsave", "spinlock", 1, 1, kNonzero},
    {"refcount_dec_and_lock_irqsave", "interrupts off", 1, kNoObject, kNonzero},
    {"atomic_dec_and_mutex_lock", "mutex", 1, 1, kNonzero},
    {"atomic_dec_and_lock", "spinlock", 1, 1, kNonzero},
    {"atomic_dec_and_lock_irqsave", "spinlock", 1, 1, kNonzero},
    {"atomic_dec_and_lock_irqsave", "interrupts off", 1, kNoObject, kNonzero},
};

// linux/kref.h, refcount.h, netdevice.h, net/sock.h, device.h, kobject.h, file.h, of.h, module.h,
// mount.h, dcache.h, fs.h, path.h, net_namespace.h, sched/{task,mm}.h, pid.h, cred.h, mm.h, dst.h,
// pm_runtime.h, usb.h, pci.h, cgroup.h, percpu-refcount.h
constexpr Row kReferences[] = {
    {"kref_get", "kref", 1},
    {"kref_get_unless_zero", "kref", 1, 0, kNonzero},
    {"kref_put", "kref", -1},
    {"kref_put_mutex", "kref", -1},
    {"kref_put_lock", "kref", -1},
    {"refcount_inc", "refcount", 1},
    {"refcount_inc_not_zero", "refcount", 1, 0, kNonzero},
    {"refcount_dec", "refcount", -1},
    {"refcount_dec_and_test", "refcount", -1},
    {"refcount_dec_and_lock", "refcount", -1},
    {"refcount_dec_and_lock_irqsave", "refcount", -1},
    {"refcount_dec_and_mutex_lock", "refcount", -1},
    {"dev_hold", "net_device", 1},
    {"netdev_hold", "net_device", 1},
    {"dev_hold_track", "net_device", 1},
    {"dev_get_by_name", "net_device", 1, kReturnedValue, kNonzero},
    {"dev_get_by_index", "net_device", 1, kReturnedValue, kNonzero},
    {"dev_put", "net_device", -1},
    {"netdev_put", "net_device", -1},
    {"dev_put_track", "net_device", -1},
    {"in_dev_hold", "in_device", 1},
    {"in_dev_get", "in_device", 1, kReturnedValue, kNonzero},
    {"in_dev_put", "in_device", -1},
    {"sock_hold", "sock", 1},
    {"sock_put", "sock", -1},
    {"get_device", "device", 1},
    {"put_device", "device", -1},
    {"kobject_get", "kobject", 1},
    {"kobject_get_unless_zero", "kobject", 1, kReturnedValue, kNonzero},
    {"kobject_put", "kobject", -1},
    {"get_file", "file", 1},
    {"get_file_rcu", "file", 1, 0, kNonzero},
    {"fget", "file", 1, kReturnedValue, kNonzero},
    {"fget_raw", "file", 1, kReturnedValue, kNonzero},
    {"fput", "file", -1},
    {"of_node_get", "device_node", 1},
    {"of_node_put", "device_node", -1},
    {"module_get", "module", 1},
    {"try_module_get", "module", 1, 0, kNonzero},
    {"module_put", "module", -1},
    {"mntget", "vfsmount", 1},
    {"mntput", "vfsmount", -1},
    {"dget", "dentry", 1},
    {"dget_parent", "dentry", 1, kReturnedValue},
    {"dput", "dentry", -1},
    {"ihold", "inode", 1},
    {"igrab", "inode", 1, 0, kNonzero},
    {"iput", "inode", -1},
    {"path_get", "path", 1},
    {"path_put", "path", -1},
    {"get_net", "net", 1},
    {"maybe_get_net", "net", 1, 0, kNonzero},
    {"put_net", "net", -1},
    {"get_task_struct", "task_struct", 1},
    {"put_task_struct", "task_struct", -1},
    {"mmget", "mm_struct (users)", 1},
    {"mmget_not_zero", "mm_struct (users)", 1, 0, kNonzero},
    {"get_task_mm", "mm_struct (users)", 1, kReturnedValue, kNonzero},
    {"mmput", "mm_struct (users)", -1},
    {"mmgrab", "mm_struct", 1},
    {"mmdrop", "mm_struct", -1},
    {"get_pid", "pid", 1},
    {"put_pid", "pid", -1},
    {"get_cred", "cred", 1},
    {"put_cred", "cred", -1},
    {"get_page", "page", 1},
    {"put_page", "page", -1},
    {"folio_get", "folio", 1},
    {"folio_try_get", "folio", 1, 0, kNonzero},
    {"folio_put", "folio", -1},
    {"dst_hold", "dst_entry", 1},
    {"dst_hold_safe", "dst_entry", 1, 0, kNonzero},
    {"dst_release", "dst_entry", -1},
    {"nf_conntrack_get", "nf_conntrack", 1},
    {"nf_conntrack_put", "nf_conntrack", -1},
    {"nf_ct_put", "nf_conntrack", -1},
    {"pm_runtime_get", "runtime power", 1},
    {"pm_runtime_get_sync", "runtime power", 1},
    {"pm_runtime_get_noresume", "runtime power", 1},
    {"pm_runtime_resume_and_get", "runtime power", 1, 0, kZero},
    {"pm_runtime_put", "runtime power", -1},
    {"pm_runtime_put_sync", "runtime power", -1},
    {"pm_runtime_put_noidle", "runtime power", -1},
    {"pm_runtime_put_autosuspend", "runtime power", -1},
    {"pm_runtime_put_sync_suspend", "runtime power", -1},
    {"pm_runtime_put_sync_autosuspend", "runtime power", -1},
    {"usb_get_dev", "usb_device", 1},
    {"usb_put_dev", "usb_device", -1},
    {"usb_get_intf", "usb_interface", 1},
    {"usb_put_intf", "usb_interface", -1},
    {"pci_dev_get", "pci_dev", 1},
    {"pci_dev_put", "pci_dev", -1},
    {"css_get", "cgroup", 1},
    {"css_tryget", "cgroup", 1, 0, kNonzero},
    {"css_tryget_online", "cgroup", 1, 0, kNonzero},
    {"css_put", "cgroup", -1},
    {"percpu_ref_get", "percpu_ref", 1},
    {"percpu_ref_tryget", "percpu_ref", 1, 0, kNonzero},
    {"percpu_ref_tryget_live", "percpu_ref", 1, 0, kNonzero},
    {"percpu_ref_put", "percpu_ref", -1},
};

// "get" and "put" that move data, not references.
constexpr std::string_view kNotCounted[] = {
    "nla",  "skb",  "user", "unaligned", "seq",   "rb",   "str",    "string",  "buf",
    "char", "bits", "cpu",  "index",     "value", "time", "reg",    "regs",    "state",
    "mask", "data", "be16", "be32",      "le16",  "le32", "le64",   "options", "stats",
    "info", "link", "msg",  "size",      "param", "cmsg", "random", "ctl"};

std::string_view plain(std::string_view name) {
  while (name.starts_with('_')) name.remove_prefix(1);
  if (name.starts_with("raw_")) name.remove_prefix(4);
  return name;
}

// spin_lock_irqsave, read_unlock_bh, write_trylock ...: linux/spinlock.h, rwlock.h.
std::vector<CallEffect> spinning(std::string_view name) {
  static constexpr std::pair<std::string_view, const char*> kinds[] = {
      {"spin_", "spinlock"}, {"read_", "rwlock (read)"}, {"write_", "rwlock"}};
  static constexpr std::string_view endings[] = {"",         "_nested",         "_nest_lock",
                                                 "_bh",      "_bh_nested",      "_irq",
                                                 "_irqsave", "_irqsave_nested", "_irqrestore"};
  for (const auto& [start, family] : kinds) {
    if (!name.starts_with(start)) continue;
    std::string_view rest = name.substr(start.size());
    CallEffect effect{family, 1};
    if (rest.starts_with("lock")) {
      rest.remove_prefix(4);
    } else if (rest.starts_with("trylock")) {
      rest.remove_prefix(7);
      effect.when = Succeeds::if_nonzero;
    } else if (rest.starts_with("unlock")) {
      rest.remove_prefix(6);
      effect.change = -1;
    } else {
      continue;
    }
    bool known = false;
    for (const std::string_view ending : endings) known = known || rest == ending;
    if (!known) continue;
    std::vector<CallEffect> effects = {effect};
    effect.argument = kNoObject;
    if (rest.starts_with("_bh")) effect.family = "bottom halves off";
    if (rest.starts_with("_irq")) effect.family = "interrupts off";
    if (effect.family != family) effects.push_back(effect);
    return effects;
  }
  return {};
}

// "foo" for foo_get, get_foo, foo_get_bar ("foo_bar"), when `verb` is "get".
std::optional<std::string> stem(std::string_view name, std::string_view verb) {
  std::string out;
  if (name.starts_with(std::string(verb) + "_")) {
    out = name.substr(verb.size() + 1);
  } else if (name.ends_with("_" + std::string(verb))) {
    out = name.substr(0, name.size() - verb.size() - 1);
  } else if (const std::size_t at = name.find("_" + std::string(verb) + "_");
             at != std::string_view::npos && at > 0) {
    out = std::string(name.substr(0, at)) + "_" + std::string(name.substr(at + verb.size() + 2));
  }
  if (out.empty()) return std::nullopt;
  for (const std::string_view word : kNotCounted)
    if (out == word || out.starts_with(std::string(word) + "_") ||
        out.ends_with("_" + std::string(word)))
      return std::nullopt;
  return out;
}

}  // namespace

std::vector<CallEffect> effects_of_call(std::string_view callee) {
  static const auto rows = [] {
    std::multimap<std::string, CallEffect, std::less<>> all;
    const auto add = [&all](const Row& row, bool reference) {
      all.emplace(row.callee,
                  CallEffect{row.family, row.change, reference, true, row.argument, row.when});
    };
    for (const Row& row : kLocks) add(row, !kReference);
    for (const Row& row : kReferences) add(row, kReference);
    return all;
  }();
  const std::string_view name = plain(callee);
  std::vector<CallEffect> effects = spinning(name);
  const auto [first, last] = rows.equal_range(name);
  for (auto row = first; row != last; ++row) effects.push_back(row->second);
  return effects;
}

std::vector<CallEffect> likely_effects_of_call(std::string_view callee) {
  const std::string_view name = plain(callee);
  const auto effect = [](const std::string& family, int change, bool reference) {
    return std::vector<CallEffect>{{family, change, reference, false, 0, Succeeds::always}};
  };
  // "unlock" before "lock": the longer word first.
  if (name.ends_with("_unlock"))
    return effect(std::string(name.substr(0, name.size() - 7)) + " lock", -1, false);
  if (name.ends_with("_lock"))
    return effect(std::string(name.substr(0, name.size() - 5)) + " lock", 1, false);
  for (const auto& [verb, change] :
       {std::pair{"get", 1}, {"hold", 1}, {"put", -1}, {"release", -1}})
    if (const auto what = stem(name, verb)) return effect(*what, change, true);
  return {};
}

}  // namespace splicer
