#include "schema/yaml.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <yaml-cpp/yaml.h>

#include "schema/error.h"
#include "schema/utf8.h"
#include "schema/values.h"

namespace schema {

namespace {

constexpr std::array<std::string_view, 5> text_maps{"config", "devices", "expanded_config", "expanded_devices",
                                                    "properties"};

bool is_text_map(std::string_view key) {
    return std::find(text_maps.begin(), text_maps.end(), key) != text_maps.end();
}

/// A map of scalars or of such maps. An index has a member "config" too, which is another thing.
bool has_texts_alone(const YAML::Node& node, int depth = 0) {
    if (!node.IsMap() || depth > 1) return false;
    for (const auto& member : node)
        if (!member.second.IsScalar() && !member.second.IsNull() && !has_texts_alone(member.second, depth + 1))
            return false;
    return true;
}

class Reader {
public:
    Json read(const YAML::Node& node, bool as_text, int depth) {
        count(node);
        if (depth > deepest) throw bad_request("yaml: line {}: nested too deeply", node.Mark().line + 1);
        if (node.IsMap()) return read_map(node, as_text, depth);
        if (node.IsSequence()) {
            auto list = Json::empty_array();
            for (const auto& item : node) list.push_back(read(item, as_text, depth + 1));
            return list;
        }
        if (!node.IsScalar()) return nullptr;
        return as_text || node.Tag() == "!" ? Json(node.Scalar()) : plain(node.Scalar());
    }

private:
    static constexpr int deepest = 64;
    static constexpr size_t most_nodes = 400'000;
    static constexpr size_t most_bytes = 64U << 20U;

    Json read_map(const YAML::Node& node, bool as_text, int depth) {
        auto object = Json::empty_object();
        for (const auto& member : node) {
            count(member.first);
            if (!member.first.IsScalar()) throw bad_request("yaml: line {}: a key is no text", node.Mark().line + 1);
            const auto& key = member.first.Scalar();
            const bool texts = as_text || (is_text_map(key) && has_texts_alone(member.second));
            object.object().emplace_back(key, read(member.second, texts, depth + 1));
        }
        return object;
    }

    static Json plain(const std::string& text) {
        if (text == "true" || text == "false") return text == "true";
        if (text.empty() || text == "null" || text == "~") return nullptr;
        if (const auto number = parse_integer(text)) return *number;
        return text;
    }

    void count(const YAML::Node& node) {
        bytes_ += node.IsScalar() ? node.Scalar().size() : 0;
        if (++nodes_ > most_nodes || bytes_ > most_bytes)
            throw bad_request("yaml: line {}: document contains excessive aliasing", node.Mark().line + 1);
    }

    size_t nodes_ = 0;
    size_t bytes_ = 0;
};

bool is_plain_word(std::string_view text) {
    constexpr std::array<std::string_view, 9> reserved{"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
    if (text.empty() || std::find(reserved.begin(), reserved.end(), text) != reserved.end()) return false;
    const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
    return letter(text.front()) && std::all_of(text.begin(), text.end(), [&](char c) {
               return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '/';
           });
}

void write_text(YAML::Emitter& out, const std::string& text) {
    if (is_plain_word(text))
        out << text;
    else
        out << YAML::DoubleQuoted << text;
}

void write(YAML::Emitter& out, const Json& value) {
    if (value.is_null()) {
        out << YAML::Null;
    } else if (value.is_bool()) {
        out << value.as_bool();
    } else if (value.is_object()) {
        if (value.as_object().empty()) out << YAML::Flow;
        out << YAML::BeginMap;
        for (const auto& [key, member] : value.as_object()) {
            out << YAML::Key;
            write_text(out, key);
            out << YAML::Value;
            write(out, member);
        }
        out << YAML::EndMap;
    } else if (value.is_array()) {
        if (value.as_array().empty()) out << YAML::Flow;
        out << YAML::BeginSeq;
        for (const auto& item : value.as_array()) write(out, item);
        out << YAML::EndSeq;
    } else if (value.is_integer()) {
        out << value.as_integer();
    } else if (value.is_number()) {
        out << value.as_number();
    } else {
        write_text(out, value.as_string());
    }
}

} // namespace

Json json_from_yaml(const std::string& text) {
    if (const auto at = find_no_utf8(text); at != std::string::npos)
        throw bad_request("yaml: line {}: invalid UTF-8",
                          std::ranges::count(std::string_view(text).substr(0, at), '\n') + 1);
    try {
        return Reader().read(YAML::Load(text), false, 0);
    } catch (const YAML::Exception& error) {
        throw bad_request("yaml: line {}: {}", error.mark.line + 1, error.msg);
    }
}

std::string yaml_from_json(const Json& value) {
    YAML::Emitter out;
    write(out, value);
    return std::string(out.c_str(), out.size()) + "\n";
}

} // namespace schema
