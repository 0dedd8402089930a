#pragma once
// /1.0/operations/<id>: a background task as clients see it.

#include <map>
#include <string>
#include <vector>

#include "schema/json.h"
#include "schema/status.h"

namespace schema {

struct Operation {
    std::string id;          // UUID
    std::string class_name;  // "task", "websocket" or "token"
    std::string description; // "Starting instance"
    Time created_at;
    Time updated_at;
    Status status = Status::pending;
    std::map<std::string, std::vector<std::string>> resources; // kind -> URLs
    Json metadata;                                             // object, or null where there is none
    bool may_cancel = false;
    std::string err; // empty unless it failed
    std::string location = "none";
};

Json to_json(const Operation& operation);
Operation operation_from(const Json& value);

} // namespace schema
