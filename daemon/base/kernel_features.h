#pragma once
// Asks the running kernel what it can do, by trying. Called once, by detect_host_facts().

#include <map>
#include <string>

namespace base {

struct KernelFeatures {
    std::map<std::string, bool> features; // the kernel_features of /1.0, under LXD's names
    bool core_scheduling = false;
};

/// Takes a few milliseconds. What it tries (namespaces, a seccomp filter) is confined to threads that end here.
KernelFeatures probe_kernel();

} // namespace base
