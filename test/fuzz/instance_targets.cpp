// Images' templates, and what instances and devices are configured with.

#include "daemon/images/templates/template.h"
#include "daemon/instance/lxc_config.h"
#include "schema/keys/devices.h"
#include "schema/keys/instance.h"
#include "schema/values.h"
#include "test/fuzz/claims.h"
#include "test/fuzz/rooms.h"
#include "test/unit/instance/hosts.h"

namespace fuzz {

namespace {

using images::templates::Value;

std::map<std::string, Value> variables() {
    const std::map<std::string, std::string> config{{"user.a", "alpha"}, {"user.list", "a,b,c"}};
    return {{"trigger", "start"},
            {"path", "/etc/hostname"},
            {"container", std::map<std::string, std::string>{{"name", "c1"}, {"privileged", "false"}}},
            {"config", config},
            {"devices", Value::Map{{"root", Value(std::map<std::string, std::string>{{"path", "/"}})}}},
            {"config_get", Value::Function([config](const Value::List& arguments) -> Value {
                 if (arguments.size() != 2) throw schema::failure("config_get takes a key and a default");
                 const auto found = config.find(arguments[0].text());
                 return found == config.end() ? arguments[1] : Value(found->second);
             })}};
}

/// "key=value" pieces with zero bytes between them: values may have lines.
schema::Config settings(std::string_view input) {
    schema::Config config;
    for (const auto piece : schema::split(input, '\0')) {
        const auto equals = piece.find('=');
        if (equals == std::string_view::npos) continue;
        config[std::string(piece.substr(0, equals))] = piece.substr(equals + 1);
    }
    return config;
}

} // namespace

/// Smaller limits than the daemon's, so that most of the time goes to the ways in.
void templates(std::string_view input) {
    static const auto known = variables();
    const images::templates::Limits limits{.output = 64U << 10U, .steps = 20'000, .handled = 1U << 20U};
    may_refuse([&] {
        require(images::templates::render(input, known, limits).size() <= limits.output, "what is printed is bounded");
    });
}

/// What the table of keys lets through is refused for the host's sake, or becomes items that are one line each.
void instance_config(std::string_view input) {
    static const base::HostFacts hosts[] = {instance::test::v1_host(), instance::test::hybrid_host(),
                                            instance::test::v2_host()};
    may_refuse([&] {
        const auto config = settings(input);
        schema::check_instance_config(config, schema::ConfigOwner::instance);
        for (const auto& host : hosts) {
            may_refuse([&] {
                for (const auto& [key, value, origin] :
                     instance::lxc_config(instance::test::subject(config), host, {})) {
                    require(key.find_first_of("=\n\r") == std::string::npos, "a key ends before its value");
                    require(!origin.empty(), "an item is known to come from somewhere");
                    require(value.find_first_of("\n\r") == std::string::npos, "a value is one line");
                }
            });
        }
    });
}

void device_options(std::string_view input) {
    may_refuse([&] { schema::check_device_options(settings(input)); });
}

} // namespace fuzz
