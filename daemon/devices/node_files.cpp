#include "daemon/devices/node_files.h"

#include <algorithm>

#include <fmt/format.h>

#include "schema/values.h"

namespace devices {

std::string encoded_path(std::string_view path) {
    std::string encoded;
    for (const char c : path) {
        if (c == '-') encoded += "--";
        if (c == '/') encoded += '-';
        if (c != '-' && c != '/') encoded += c;
    }
    return encoded;
}

std::string decoded_path(std::string_view name) {
    std::string path;
    for (size_t i = 0; i < name.size(); ++i) {
        const bool doubled = name[i] == '-' && i + 1 < name.size() && name[i + 1] == '-';
        path += name[i] == '-' && !doubled ? '/' : name[i];
        if (doubled) ++i;
    }
    return path;
}

std::string node_prefix(std::string_view kind, std::string_view device) {
    std::string name(kind);
    name += '.';
    for (const char c : encoded_path(device)) {
        if (c == '.')
            name += "%2e";
        else
            name += c;
    }
    return name + '.';
}

std::string path_of_node(std::string_view file) {
    for (const std::string_view kind : {"unix.", "infiniband.unix."}) {
        if (!file.starts_with(kind)) continue;
        const auto dot = file.find('.', kind.size());
        if (dot != std::string_view::npos) return "/" + decoded_path(file.substr(dot + 1));
    }
    return {};
}

std::string_view relative(std::string_view path) {
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    return path;
}

std::string mount_field(std::string_view path) {
    std::string field;
    for (const char c : path) {
        if (c == ' ' || c == '\t' || c == '\n' || c == '\\') {
            field += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
        } else {
            field += c;
        }
    }
    return field;
}

bool leads_up(std::string_view path) {
    const auto parts = schema::split(path, '/');
    return std::find(parts.begin(), parts.end(), "..") != parts.end();
}

} // namespace devices
