#pragma once
// Checks of single values, the vocabulary of the key and option tables. Each throws bad_request with LXD 5.0's text.
// `optional<check>` lets an empty value pass, which is what "unset" looks like.

#include <string_view>

namespace schema {

using Check = void (*)(std::string_view value);

namespace checks {

void any(std::string_view value);
void is_set(std::string_view value);
void boolean(std::string_view value);
void integer(std::string_view value);
void uint32(std::string_view value);
void priority(std::string_view value); // 0 to 10
void size(std::string_view value);
void one_line(std::string_view value); // becomes a line of lxc.container.conf
void environment_value(std::string_view value);
void yaml(std::string_view value);
void cloud_init(std::string_view value); // "#cloud-config" with YAML, or any other format
void uuid(std::string_view value);
void absolute_path(std::string_view value);

void interface_name(std::string_view value);
void mac_address(std::string_view value);
void mtu(std::string_view value);

void unix_id(std::string_view value);
void device_number(std::string_view value); // major or minor
void file_mode(std::string_view value);     // octal
void path_in_dev(std::string_view value);
void device_id(std::string_view value); // vendor or product: four hexadecimal digits
void byte(std::string_view value);
void mig_uuid(std::string_view value); // with or without "MIG-"
void pci_address(std::string_view value);
void infiniband_address(std::string_view value); // 8 or 20 bytes
void propagation(std::string_view value);        // of mounts (mount_namespaces(7))
void disk_limit(std::string_view value);         // "10MB" or "100iops", a second

void cpus(std::string_view value);      // limits.cpu: a count or a set
void cpu_nodes(std::string_view value); // a set of NUMA nodes
void cpu_allowance(std::string_view value);
void memory_limit(std::string_view value);
void process_limit(std::string_view value); // "unlimited", "N" or "SOFT:HARD"
void snapshot_schedule(std::string_view value);
void volume_snapshot_schedule(std::string_view value);
void snapshot_expiry(std::string_view value);
void raw_lxc(std::string_view value);
void syscall_rules(std::string_view value); // lines of a seccomp policy
void seccomp_policy(std::string_view value);
void architecture(std::string_view value);

template <Check check> void optional(std::string_view value) {
    if (!value.empty()) check(value);
}

} // namespace checks

} // namespace schema
