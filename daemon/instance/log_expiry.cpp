#include "daemon/instance/log_expiry.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include <sys/stat.h>

#include "daemon/base/files.h"

namespace instance {

namespace {

using Time = std::chrono::system_clock::time_point;

constexpr std::chrono::hours log_life{48};
constexpr std::chrono::hours folder_life{24};

/// Nothing that the daemon still needs, like lxc.conf.
bool is_log(std::string_view name) {
    constexpr std::string_view ends[] = {".log", ".log.old"};
    constexpr std::string_view starts[] = {"exec_", "migration_", "snapshot_"};
    return std::any_of(std::begin(ends), std::end(ends), [&](auto end) { return name.ends_with(end); }) ||
           std::any_of(std::begin(starts), std::end(starts), [&](auto start) { return name.starts_with(start); });
}

std::string in(std::string path, const std::string& name) {
    path += '/';
    path += name;
    return path;
}

/// The end of time for what is gone meanwhile: then there is nothing to remove.
Time changed(const std::string& path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) < 0) return Time::max();
    return std::chrono::system_clock::from_time_t(status.st_mtim.tv_sec);
}

std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
        names.push_back(entry->path().filename().string());
    return names;
}

bool is_folder(const std::string& path) {
    struct stat status{};
    return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Time newest_in(const std::string& folder) {
    auto newest = changed(folder);
    for (const auto& name : names_in(folder)) newest = std::max(newest, changed(in(folder, name)));
    return newest;
}

void expire_folder(const std::string& folder, Time limit) {
    if (newest_in(folder) <= limit) base::remove_tree(folder);
}

void expire_logs_of(const std::string& folder, Time limit) {
    for (const auto& name : names_in(folder)) {
        const auto path = in(folder, name);
        if (is_folder(path))
            expire_folder(path, limit);
        else if (is_log(name) && changed(path) <= limit)
            base::remove_tree(path);
    }
}

} // namespace

void expire_logs(const std::string& folder, const std::set<std::string>& names, Time now,
                 const base::CancelToken& cancel) {
    for (const auto& name : names_in(folder)) {
        cancel.check();
        const auto path = in(folder, name);
        if (!is_folder(path)) continue;
        if (names.contains(name))
            expire_logs_of(path, now - log_life);
        else
            expire_folder(path, now - folder_life);
    }
}

} // namespace instance
