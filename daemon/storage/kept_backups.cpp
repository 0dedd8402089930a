#include "daemon/storage/kept_backups.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>
#include <unistd.h>

#include "daemon/base/crypto.h"
#include "daemon/base/durable.h"
#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "schema/error.h"
#include "schema/values.h"

namespace storage {

namespace {

bool is_over(const state::BackupRow& row, schema::Time now) {
    return row.expires_at != schema::Time{} && row.expires_at <= now;
}

void remove_file(const std::string& path) {
    if (::unlink(path.c_str()) < 0 && errno != ENOENT)
        throw std::system_error(errno, std::generic_category(), "Failed removing the backup " + path);
}

/// As LXD tells it: a volume without its pool.
std::string full_name(const std::string& owner, const std::string& backup) {
    return owner.substr(owner.rfind('/') + 1) + "/" + backup;
}

void remove_strangers(state::Database& database, const state::BackupTable& table, const std::string& folder) {
    // The files first: one that comes while the rows are read has its row after that.
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (auto name = entry.path().filename().string(); !name.starts_with('.')) files.push_back(std::move(name));
    std::set<std::string> known;
    for (const auto& row : state::Backups(database, table).list()) known.insert(std::to_string(row.id));
    for (const auto& file : files)
        if (!known.contains(file)) base::remove_tree(fmt::format("{}/{}", folder, file));
}

} // namespace

void remove_ownerless_backups(state::Database& database, const state::BackupTable& table, DaemonFolder& backups) {
    if (const auto staying = backups.try_writing())
        remove_strangers(database, table, backups.path() + "/" + table.folder);
}

void KeptBackups::clean_up() const {
    for (const auto& entry : std::filesystem::directory_iterator(folder_))
        if (entry.path().filename().string().starts_with('.')) base::remove_tree(entry.path().string());
    remove_strangers(database_, table_, folder_);
}

state::BackupRow KeptBackups::get(const std::string& owner, const std::string& name) const {
    auto row = rows_.find(owner, name);
    if (!row) throw schema::not_found("{}", table_.no_backup);
    return *std::move(row);
}

std::string KeptBackups::free_name(const std::string& owner) const {
    int64_t next = 0;
    constexpr std::string_view base = "backup";
    for (const auto& row : rows_.list(owner)) {
        if (!row.name.starts_with(base)) continue;
        const auto number = schema::parse_integer(std::string_view(row.name).substr(base.size()));
        if (number && *number >= next) next = *number + 1;
    }
    return fmt::format("{}{}", base, next);
}

std::string KeptBackups::file(const state::BackupRow& row) const {
    return folder_ + "/" + std::to_string(row.id);
}

void KeptBackups::create(const std::string& owner, const schema::Backup& backup, const base::CancelToken& cancel,
                         const std::function<void(int file)>& write) {
    const auto staying = backups_.writing();
    const auto hold = making_.exclusive(owner + "/" + backup.name, cancel);
    if (rows_.find(owner, backup.name))
        throw schema::failure("Backup {:?} already exists", full_name(owner, backup.name));
    const auto fresh = folder_ + "/." + base::random_hex(8);
    const auto fd = base::checked(::open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600),
                                  "Error opening backup tarball for writing " + fresh);
    base::Rollback rollback;
    rollback.add([&] { remove_file(fresh); });
    write(fd.get());
    if (::fdatasync(fd.get()) < 0) throw std::system_error(errno, std::generic_category(), "Failed syncing " + fresh);

    state::BackupRow row;
    static_cast<schema::Backup&>(row) = backup;
    row.owner = owner;
    row.created_at = std::chrono::system_clock::now();
    rows_.insert(row, [&](int64_t id) {
        row.id = id;
        base::rename_durably(fresh, file(row));
    });
    rollback.dismiss();
}

void KeptBackups::remove(const state::BackupRow& row) {
    const auto staying = backups_.writing();
    // The row goes first: a restart removes a file that has none.
    rows_.remove(row.id);
    remove_file(file(row));
}

bool KeptBackups::has_expired(schema::Time now) const {
    const auto rows = rows_.list();
    return std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return is_over(row, now); });
}

std::vector<std::string> KeptBackups::remove_expired(schema::Time now) {
    std::vector<std::string> removed;
    for (const auto& row : rows_.list()) {
        if (!is_over(row, now)) continue;
        remove(row);
        removed.push_back(row.owner + "/" + row.name);
    }
    return removed;
}

} // namespace storage
