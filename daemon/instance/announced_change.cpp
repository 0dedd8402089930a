#include "daemon/instance/announced_change.h"

#include <filesystem>

#include <unistd.h>

#include "daemon/base/crypto.h"
#include "daemon/base/files.h"
#include "schema/error.h"
#include "schema/json.h"

namespace instance {

using schema::Json;

namespace {

constexpr const char* prefix = ".change-";

std::string text_of(const Record& record) {
    auto devices = Json::empty_object();
    for (const auto& [name, options] : record.expanded_devices) devices.set(name, Json(options));
    return Json::empty_object().set("config", Json(record.expanded_config)).set("devices", std::move(devices)).dump();
}

std::vector<std::string> files_of(const state::Paths& paths, const std::string& name) {
    std::vector<std::string> files;
    std::error_code missing; // one that never ran has no folder
    for (const auto& entry : std::filesystem::directory_iterator(paths.devices(name), missing))
        if (entry.path().filename().string().starts_with(prefix)) files.push_back(entry.path());
    return files;
}

} // namespace

AnnouncedChange::AnnouncedChange(const state::Paths& paths, const Record& record)
    : path_(paths.devices(record.row.name) + "/" + prefix + base::random_hex(8)) {
    base::write_file(path_, text_of(record));
}

AnnouncedChange::~AnnouncedChange() {
    if (!path_.empty()) ::unlink(path_.c_str());
}

std::vector<Record> cut_off_changes(const state::Paths& paths, const Record& record) {
    std::vector<Record> changes;
    for (const auto& file : files_of(paths, record.row.name)) {
        try {
            const auto json = Json::parse(base::read_file(file));
            auto announced = record;
            schema::json::read(json, "config", announced.expanded_config);
            schema::json::read(json, "devices", announced.expanded_devices);
            changes.push_back(std::move(announced));
        } catch (const schema::Error&) { // Cut off while it was written: nothing was touched yet.
        }
    }
    return changes;
}

void forget_cut_off_changes(const state::Paths& paths, const std::string& name) {
    for (const auto& file : files_of(paths, name)) ::unlink(file.c_str());
}

} // namespace instance
