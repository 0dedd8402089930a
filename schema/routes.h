#pragma once
// The routes that the daemon serves, as a table: api/bind gives each name a handler, documentation is printed from it.
//
// LXD's rules, measured on 5.0.2: an unknown path is 404 "not found", a known path without the method 501 "not
// implemented" (HEAD too), a method that HTTP does not know 404 `Method "FOO" not found`, OPTIONS on any path an empty
// 200; a slash at the end or a doubled one makes another, unknown path. An untrusted caller gets 403 before the 501.

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace schema {

/// Who may call: anybody (the handler limits what it shows), or a trusted caller alone.
enum class Access { guest, trusted };

struct Route {
    std::string_view name;   // of the handler: "instance_exec_post"
    std::string_view method; // "POST"
    /// "/1.0/instances/{name}/exec". An argument is one segment; the last one may be "{name*}", which takes slashes
    /// too. Everything below /1.0/instances is served below /1.0/containers as well.
    std::string_view path;
    Access access = Access::trusted;
};

/// In order of precedence: a literal segment comes before an argument at the same place.
std::span<const Route> routes() noexcept;

struct RouteMatch {
    const Route* route = nullptr;                 // nullptr: the path is known, this method on it is not
    std::map<std::string, std::string> arguments; // {"name": "c1"}
};

/// Finds the route of a request. `path` is as sent, still percent-encoded, without the query. Nothing where no route
/// has this path. Throws bad_request on a broken percent sequence, and not_found for a method that HTTP does not know.
std::optional<RouteMatch> match_route(std::string_view method, std::string_view path);

} // namespace schema
