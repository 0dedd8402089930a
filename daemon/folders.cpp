#include "daemon/folders.h"

#include <filesystem>
#include <utility>

#include "daemon/base/files.h"

void make_folders(const state::Paths& paths) {
    std::filesystem::create_directories(std::filesystem::path(paths.var).parent_path());
    std::filesystem::create_directories(std::filesystem::path(paths.log).parent_path());
    std::filesystem::create_directories(std::filesystem::path(paths.cache).parent_path());
    const std::pair<std::string, mode_t> folders[] = {
        {paths.var, 0711},
        {paths.log, 0700},
        {paths.cache, 0700},
        {paths.containers(), 0711},
        {paths.var + "/devices", 0711},
        {paths.var + "/devlxd", 0755},
        {paths.var + "/security", 0700},
        {paths.var + "/security/apparmor", 0700},
        {paths.var + "/security/apparmor/cache", 0700},
        {paths.var + "/security/apparmor/profiles", 0700},
        {paths.var + "/security/seccomp", 0700},
        {paths.var + "/shmounts", 0711},
        {paths.var + "/snapshots", 0700},
        {paths.pools(), 0711},
    };
    for (const auto& [path, mode] : folders) {
        base::make_dir(path, mode);
        std::filesystem::permissions(path, std::filesystem::perms(mode)); // of one that was there, too
    }
}

void insert_first_profiles(state::Profiles& profiles) {
    if (!profiles.list().empty()) return;
    schema::Profile standard;
    standard.name = "default";
    standard.description = "Default LXD profile";
    profiles.insert(standard);

    // LXD 2.0's profile, which its documents use: `lxc launch IMAGE -p default -p docker`.
    schema::Profile docker;
    docker.name = "docker";
    docker.description = "Profile supporting docker in containers";
    docker.config = {{"linux.kernel_modules", "overlay, nf_nat"}, {"security.nesting", "true"}};
    docker.devices["aadisable"] = {
        {"type", "disk"}, {"source", "/dev/null"}, {"path", "/sys/module/apparmor/parameters/enabled"}};
    profiles.insert(docker);
}
