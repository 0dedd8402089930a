#include "client/control_messages.h"

#include "schema/json.h"

namespace client {

using schema::Json;

std::string resize_message(const TerminalSize& size) {
    auto arguments = Json::empty_object();
    arguments.set("width", std::to_string(size.columns)).set("height", std::to_string(size.rows));
    auto message = Json::empty_object();
    message.set("command", "window-resize").set("args", std::move(arguments)).set("signal", 0);
    return message.dump();
}

std::string signal_message(int signal) {
    auto message = Json::empty_object();
    message.set("command", "signal").set("args", nullptr).set("signal", signal);
    return message.dump();
}

} // namespace client
