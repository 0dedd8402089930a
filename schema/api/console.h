#pragma once
// POST /1.0/instances/<name>/console: a client that wants to sit at an instance's console.

#include <string>

#include "schema/json.h"

namespace schema {

struct InstanceConsolePost {
    int width = 0; // of the client's terminal; 0: unknown
    int height = 0;
    std::string type = "console"; // or "vga", of virtual machines
};

Json to_json(const InstanceConsolePost& post);
InstanceConsolePost instance_console_post_from(const Json& value);

} // namespace schema
