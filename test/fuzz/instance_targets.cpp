// Images' templates.

#include "daemon/images/templates/template.h"
#include "test/fuzz/claims.h"
#include "test/fuzz/rooms.h"

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

} // namespace

/// Smaller limits than the daemon's, so that most of the time goes to the ways in.
void templates(std::string_view input) {
    static const auto known = variables();
    const images::templates::Limits limits{.output = 64U << 10U, .steps = 20'000, .handled = 1U << 20U};
    may_refuse([&] {
        require(images::templates::render(input, known, limits).size() <= limits.output, "what is printed is bounded");
    });
}

} // namespace fuzz
