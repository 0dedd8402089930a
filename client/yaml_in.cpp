#include "client/yaml_in.h"

#include <yaml-cpp/yaml.h>

#include "schema/error.h"
#include "schema/timestamp.h"

namespace client {

namespace {

using schema::Json;
using Kind = Shape::Kind;

/// The Go type that LXD's client has there, as its complaints name it.
std::string kind_of(const Shape& shape) {
    switch (shape.kind) {
    case Kind::number:
        return "int";
    case Kind::boolean:
        return "bool";
    case Kind::time:
    case Kind::optional_time:
        return "time.Time";
    case Kind::map:
        return "map[string]" + kind_of(*shape.element);
    case Kind::list:
        return "[]" + kind_of(*shape.element);
    case Kind::any:
        return "interface {}";
    default:
        return "string";
    }
}

std::string_view tag_of(const YAML::Node& node) {
    if (node.IsMap()) return "!!map";
    if (node.IsSequence()) return "!!seq";
    int64_t integer = 0;
    double real = 0;
    bool flag = false;
    if (node.Tag() == "!") return "!!str"; // Quoted.
    if (YAML::convert<int64_t>::decode(node, integer)) return "!!int";
    if (YAML::convert<double>::decode(node, real)) return "!!float";
    return YAML::convert<bool>::decode(node, flag) ? "!!bool" : "!!str";
}

[[noreturn]] void reject(const YAML::Node& node, const Shape& shape) {
    const auto value = node.IsScalar() ? fmt::format(" `{}`", node.Scalar()) : std::string();
    throw schema::bad_request("yaml: unmarshal errors:\n  line {}: cannot unmarshal {}{} into {}", node.Mark().line + 1,
                              tag_of(node), value, kind_of(shape));
}

/// One document. Aliases make a few lines stand for any number of nodes, or for themselves.
class Reader {
public:
    Json read(const YAML::Node& node, const Shape& shape);

private:
    Json read_object(const YAML::Node& node, const Shape& shape);
    Json read_any(const YAML::Node& node, int depth);
    void count(const YAML::Node& node);

    size_t nodes_ = 0;
};

void Reader::count(const YAML::Node& node) {
    constexpr size_t most_nodes = 400'000;
    if (++nodes_ > most_nodes)
        throw schema::bad_request("yaml: line {}: document contains excessive aliasing", node.Mark().line + 1);
}

/// YAML's times may end after the day.
Json read_time(const YAML::Node& node) {
    constexpr size_t day = std::string_view("2006-01-02").size();
    auto text = node.Scalar();
    if (text.size() == day) text += "T00:00:00Z";
    try {
        return schema::rfc3339(schema::parse_rfc3339(text));
    } catch (const schema::Error& error) {
        throw schema::bad_request("yaml: line {}: {}", node.Mark().line + 1, error.what());
    }
}

Json Reader::read_object(const YAML::Node& node, const Shape& shape) {
    if (!node.IsMap()) reject(node, shape);
    auto object = Json::empty_object();
    for (const auto& field : shape.fields) {
        const auto member = node[std::string(field.name)];
        if (member && !member.IsNull()) object.set(field.name, read(member, *field.shape));
    }
    return object;
}

Json Reader::read_any(const YAML::Node& node, int depth) {
    constexpr int deepest = 512; // of the daemon's JSON
    count(node);
    if (depth > deepest) throw schema::bad_request("yaml: line {}: nested too deeply", node.Mark().line + 1);
    if (node.IsMap()) {
        auto object = Json::empty_object();
        for (const auto& member : node) object.set(member.first.Scalar(), read_any(member.second, depth + 1));
        return object;
    }
    if (node.IsSequence()) {
        auto list = Json::empty_array();
        for (const auto& item : node) list.push_back(read_any(item, depth + 1));
        return list;
    }
    if (node.IsNull()) return nullptr;
    if (node.Tag() != "!") { // Not quoted.
        bool flag = false;
        int64_t number = 0;
        if (YAML::convert<int64_t>::decode(node, number)) return number;
        if (YAML::convert<bool>::decode(node, flag)) return flag;
    }
    return node.Scalar();
}

Json Reader::read(const YAML::Node& node, const Shape& shape) {
    count(node);
    switch (shape.kind) {
    case Kind::any:
        return read_any(node, 0);
    case Kind::text:
        if (!node.IsScalar() && !node.IsNull()) reject(node, shape);
        return node.IsNull() ? Json("") : Json(node.Scalar());
    case Kind::time:
    case Kind::optional_time:
        if (!node.IsScalar()) reject(node, shape);
        return read_time(node);
    case Kind::number:
        try {
            return node.as<int64_t>();
        } catch (const YAML::Exception&) {
            reject(node, shape);
        }
    case Kind::boolean:
        try {
            return node.as<bool>();
        } catch (const YAML::Exception&) {
            reject(node, shape);
        }
    case Kind::map: {
        if (!node.IsMap()) reject(node, shape);
        auto map = Json::empty_object();
        for (const auto& member : node) map.set(member.first.Scalar(), read(member.second, *shape.element));
        return map;
    }
    case Kind::list: {
        if (!node.IsSequence()) reject(node, shape);
        auto list = Json::empty_array();
        for (const auto& item : node) list.push_back(read(item, *shape.element));
        return list;
    }
    case Kind::pointer:
    case Kind::object:
        return read_object(node, shape);
    }
    return nullptr;
}

} // namespace

Json parse_yaml(const std::string& text, const Shape& shape) {
    try {
        const auto document = YAML::Load(text);
        if (!document || document.IsNull()) return Json::empty_object();
        return Reader().read(document, shape);
    } catch (const YAML::Exception& error) {
        throw schema::bad_request("yaml: line {}: {}", error.mark.line + 1, error.msg);
    }
}

} // namespace client
