#include "daemon/instance/apparmor.h"

#include <charconv>
#include <filesystem>
#include <set>

#include <unistd.h>

#include "daemon/base/crypto.h"
#include "daemon/base/files.h"
#include "daemon/base/process.h"
#include "daemon/base/rollback.h"
#include "daemon/instance/apparmor_profile.h"
#include "daemon/instance/lifecycle.h"
#include "schema/error.h"

namespace instance {

namespace {

namespace fs = std::filesystem;

constexpr const char* kernel = "/sys/kernel/security/apparmor";
constexpr std::string_view file_prefix = "lxd-";

std::string folder(const state::Paths& paths) {
    return paths.var + "/security/apparmor";
}

std::string profile_file(const state::Paths& paths, const std::string& instance) {
    return fmt::format("{}/profiles/{}{}", folder(paths), file_prefix, instance);
}

std::string namespace_folder(const state::Paths& paths, const std::string& instance) {
    return fmt::format("{}/policy/namespaces/{}", kernel, apparmor_namespace(paths, instance));
}

/// Both sides must know the rule: the kernel for it to be needed, the parser (since 4.0) to read it.
bool rules_user_namespaces() {
    if (!base::exists(fmt::format("{}/features/namespaces/userns_create", kernel))) return false;
    const auto shown = base::run_or_throw({.argv = {"apparmor_parser", "--version"}});
    const auto version = shown.substr(0, shown.find('\n'));
    int major = 0;
    const auto word = version.rfind(' ') + 1;
    std::from_chars(version.data() + word, version.data() + version.size(), major);
    return major >= 4;
}

std::string profile_of(const Record& record, const IdMap& id_map, const Rooms& rooms) {
    const ProfileSubject subject = {
        .name = record.row.name,
        .config = record.expanded_config,
        .privileged = id_map.empty() && !rooms.facts.in_user_namespace,
        .user_namespaces = rules_user_namespaces(),
    };
    return apparmor_profile(rooms.paths, subject, rooms.facts);
}

/// The parser keeps one folder for each set of kernel features.
void forget_compiled(const state::Paths& paths, const std::string& instance) {
    const auto name = std::string(file_prefix) + instance;
    std::error_code missing;
    for (const auto& entry : fs::directory_iterator(folder(paths) + "/cache", missing))
        ::unlink((entry.path() / name).c_str());
}

void parse(const state::Paths& paths, const std::vector<std::string>& options, const std::string& file) {
    std::vector<std::string> argv = {"apparmor_parser"};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.insert(argv.end(), {"-L", folder(paths) + "/cache", "--", file});
    const auto done = base::run({.argv = std::move(argv)});
    if (!done.exit.ok()) throw schema::failure("apparmor_parser: {}", base::trimmed(done.err));
}

bool is_loaded(const std::string& profile) {
    const auto loaded = base::read_file_if_exists(fmt::format("{}/profiles", kernel)).value_or("");
    return ("\n" + loaded).find("\n" + profile + " (") != std::string::npos;
}

} // namespace

void load_apparmor(const Record& record, const IdMap& id_map, const Rooms& rooms) {
    if (!makes_profiles(rooms.facts.apparmor)) return;
    const auto& name = record.row.name;
    const auto file = profile_file(rooms.paths, name);
    const auto text = profile_of(record, id_map, rooms);
    if (base::read_file_if_exists(file) != text) {
        forget_compiled(rooms.paths, name);
        base::replace_file(file, text);
    }
    try {
        if (has_apparmor_namespace(rooms.facts.apparmor)) base::make_dir(namespace_folder(rooms.paths, name), 0755);
        parse(rooms.paths, {"-r", "-W"}, file);
    } catch (const std::exception& error) {
        throw schema::failure("Failed loading the AppArmor profile of instance {:?}: {}", name, error.what());
    }
}

void reload_apparmor(const Record& record, const Rooms& rooms) {
    // The map that it runs with, whatever was changed since.
    load_apparmor(record, id_map_from(schema::get(record.expanded_config, "volatile.idmap.current")), rooms);
}

void unload_apparmor(const std::string& instance, const Rooms& rooms) {
    if (!makes_profiles(rooms.facts.apparmor)) return;
    if (has_apparmor_namespace(rooms.facts.apparmor)) ::rmdir(namespace_folder(rooms.paths, instance).c_str());
    const auto profile = apparmor_profile_name(rooms.paths, instance);
    if (!is_loaded(profile)) return;
    try {
        base::write_file(fmt::format("{}/.remove", kernel), profile);
    } catch (const std::exception& error) {
        rooms.log.warning("Failed unloading an AppArmor profile", {{"instance", instance}, {"err", error.what()}});
    }
}

void remove_apparmor(const std::string& instance, const Rooms& rooms) {
    unload_apparmor(instance, rooms);
    forget_compiled(rooms.paths, instance);
    ::unlink(profile_file(rooms.paths, instance).c_str());
}

void check_apparmor(const Record* before, const Record& record, const Rooms& rooms) {
    if (!makes_profiles(rooms.facts.apparmor)) return;
    const auto raw_of = [](const Record& of) { return schema::get(of.expanded_config, "raw.apparmor"); };
    const auto raw = raw_of(record);
    if (raw.empty() || (before != nullptr && raw_of(*before) == raw)) return;
    const auto file = fmt::format("{}/profiles/.check-{}", folder(rooms.paths), base::random_hex(8));
    base::Rollback clean;
    clean.add([&] { ::unlink(file.c_str()); });
    try {
        base::write_file(file, profile_of(record, {}, rooms));
        parse(rooms.paths, {"-Q", "-K"}, file);
    } catch (const std::exception& error) {
        throw schema::failure("Parse AppArmor profile: {}", error.what());
    }
}

void remove_strange_apparmor(const Rooms& rooms) {
    std::set<std::string> strangers;
    std::error_code missing;
    for (const auto& entry : fs::directory_iterator(folder(rooms.paths) + "/profiles", missing)) {
        const auto name = entry.path().filename().string();
        if (!name.starts_with(file_prefix)) {
            ::unlink(entry.path().c_str()); // of a check that was cut off
        } else if (const auto instance = name.substr(file_prefix.size()); !rooms.instances.find(instance)) {
            strangers.insert(instance);
        }
    }
    for (const auto& instance : strangers) remove_apparmor(instance, rooms);
}

} // namespace instance
