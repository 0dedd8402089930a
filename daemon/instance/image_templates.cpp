#include "daemon/instance/image_templates.h"

#include <algorithm>

#include <fcntl.h>

#include "daemon/base/files.h"
#include "daemon/images/templates/template.h"
#include "daemon/instance/image_files.h"
#include "schema/error.h"
#include "schema/values.h"

namespace instance {

namespace {

using images::templates::Value;

/// A default for a key that is not set; line ends at the end of a value are left out.
Value::Function config_get(const schema::Config& config) {
    return [&config](const Value::List& arguments) -> Value {
        if (arguments.size() != 2) throw schema::failure("config_get takes a key and a default");
        const auto found = config.find(arguments[0].text());
        if (found == config.end()) return arguments[1];
        const auto end = found->second.find_last_not_of("\r\n");
        return found->second.substr(0, end + 1);
    };
}

Value devices_value(const schema::Devices& devices) {
    Value::Map result;
    for (const auto& [name, options] : devices) result[name] = options;
    return result;
}

Value instance_value(const Record& record) {
    const bool privileged = schema::is_true(schema::get(record.expanded_config, "security.privileged"));
    const auto word = [](bool value) { return std::string(value ? "true" : "false"); };
    return std::map<std::string, std::string>{{"name", record.row.name},
                                              {"type", "container"},
                                              {"architecture", record.row.put.architecture},
                                              {"ephemeral", word(record.row.put.ephemeral)},
                                              {"privileged", word(privileged)}};
}

std::map<std::string, Value> variables(const Record& record, const std::string& trigger) {
    return {{"trigger", trigger},
            {"container", instance_value(record)},
            {"instance", instance_value(record)},
            {"config", record.expanded_config},
            {"devices", devices_value(record.expanded_devices)},
            {"config_get", config_get(record.expanded_config)}};
}

} // namespace

void apply_templates(const Record& record, const std::string& folder, const std::string& trigger, RootOwner owner) {
    const ImageFiles files(folder);
    const auto metadata = files.metadata();
    if (!metadata || !metadata->templates) return;
    auto context = variables(record, trigger);
    const auto root = base::checked(::open((folder + "/rootfs").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC), folder);
    for (const auto& [path, one] : *metadata->templates) {
        if (!one.when || std::ranges::find(*one.when, trigger) == one.when->end()) continue;
        try {
            if (one.create_only && exists_in_root(root.get(), path)) continue;
            context["path"] = path;
            context["properties"] = one.properties.value_or(schema::Config());
            const auto text = images::templates::render(files.read_template(one.source), context);
            write_in_root(root.get(), path, text, owner);
        } catch (const std::exception& error) {
            throw schema::failure("Failed applying template {:?} to {:?}: {}", one.source, path, error.what());
        }
    }
}

} // namespace instance
