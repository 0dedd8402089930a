#include "daemon/images/metadata.h"

#include <string_view>
#include <utility>
#include <yaml-cpp/yaml.h>

#include "schema/architectures.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace images {

namespace {

/// Times are kept in nanoseconds, which reach from 1678 to 2262.
bool is_plausible(int64_t seconds) {
    return seconds > -9'000'000'000 && seconds < 9'000'000'000;
}

/// What is read of one document: an alias of a few bytes may stand for any number of them.
class Budget {
public:
    void take(size_t bytes) {
        constexpr auto limit = schema::limits::image_metadata_read.value;
        taken_ += bytes;
        if (taken_ > limit)
            throw schema::bad_request("Invalid metadata.yaml: with its aliases it is larger than {} bytes", limit);
    }
    std::string text(const YAML::Node& node) {
        take(node.IsScalar() ? node.Scalar().size() : 0);
        return node.IsNull() ? "" : node.as<std::string>();
    }
    /// To be asked before its members are.
    void check_map(const YAML::Node& node, const char* name) {
        if (!node.IsMap()) throw schema::bad_request("Invalid metadata.yaml: {} is no map", name);
        take_members(node);
    }
    void take_members(const YAML::Node& node) {
        constexpr size_t each = 16; // for going by
        take(node.size() * each);
    }

private:
    size_t taken_ = 0;
};

template <class T> T value(const YAML::Node& node, const char* name) {
    const auto member = node[name];
    if (!member || member.IsNull()) return {};
    return member.as<T>();
}

/// Nothing where the member is missing or null.
std::optional<YAML::Node> present(const YAML::Node& node, const char* name) {
    auto member = node[name];
    if (!member || member.IsNull()) return {};
    return member;
}

std::optional<schema::Config> properties(const YAML::Node& node, Budget& budget) {
    const auto members = present(node, "properties");
    if (!members) return {};
    schema::Config result;
    budget.check_map(*members, "properties");
    for (const auto& member : *members) result[budget.text(member.first)] = budget.text(member.second);
    return result;
}

schema::ImageTemplate one_template(const YAML::Node& node, Budget& budget) {
    schema::ImageTemplate result;
    budget.check_map(node, "a template");
    if (const auto when = present(node, "when")) {
        if (!when->IsSequence()) throw schema::bad_request("Invalid metadata.yaml: when is no list");
        budget.take_members(*when);
        result.when.emplace();
        for (const auto& trigger : *when) result.when->push_back(budget.text(trigger));
    }
    result.create_only = value<bool>(node, "create_only");
    if (const auto source = present(node, "template")) result.source = budget.text(*source);
    result.properties = properties(node, budget);
    return result;
}

std::optional<std::map<std::string, schema::ImageTemplate>> templates(const YAML::Node& node, Budget& budget) {
    const auto members = present(node, "templates");
    if (!members) return {};
    std::map<std::string, schema::ImageTemplate> result;
    budget.check_map(*members, "templates");
    for (const auto& member : *members) {
        auto& one = result[budget.text(member.first)];
        if (!member.second.IsNull()) one = one_template(member.second, budget);
    }
    return result;
}

/// Quoted, so that no text is read as something else again. What is not there is written empty, as LXD does.
void write_member(YAML::Emitter& out, const char* name, const std::optional<schema::Config>& members) {
    out << YAML::Key << name << YAML::Value << YAML::BeginMap;
    for (const auto& [key, text] : members.value_or(schema::Config()))
        out << YAML::DoubleQuoted << key << YAML::DoubleQuoted << text;
    out << YAML::EndMap;
}

void write_template(YAML::Emitter& out, const schema::ImageTemplate& one) {
    out << YAML::BeginMap;
    out << YAML::Key << "when" << YAML::Value << YAML::BeginSeq;
    for (const auto& trigger : one.when.value_or(std::vector<std::string>())) out << YAML::DoubleQuoted << trigger;
    out << YAML::EndSeq;
    out << YAML::Key << "create_only" << YAML::Value << one.create_only;
    out << YAML::Key << "template" << YAML::Value << YAML::DoubleQuoted << one.source;
    write_member(out, "properties", one.properties);
    out << YAML::EndMap;
}

} // namespace

schema::ImageMetadata read_metadata(const std::string& yaml) {
    try {
        const auto node = YAML::Load(yaml);
        if (!node.IsMap()) throw schema::bad_request("Invalid metadata.yaml: it is no map");
        Budget budget;
        return {value<std::string>(node, "architecture"), value<int64_t>(node, "creation_date"),
                value<int64_t>(node, "expiry_date"), properties(node, budget), templates(node, budget)};
    } catch (const YAML::Exception& error) {
        throw schema::bad_request("Invalid metadata.yaml: {}", error.what());
    }
}

std::string metadata_yaml(const schema::ImageMetadata& metadata) {
    YAML::Emitter out;
    out << YAML::BeginMap;
    out << YAML::Key << "architecture" << YAML::Value << YAML::DoubleQuoted << metadata.architecture;
    out << YAML::Key << "creation_date" << YAML::Value << metadata.creation_date;
    out << YAML::Key << "expiry_date" << YAML::Value << metadata.expiry_date;
    write_member(out, "properties", metadata.properties);
    out << YAML::Key << "templates" << YAML::Value << YAML::BeginMap;
    if (metadata.templates) {
        for (const auto& [path, one] : *metadata.templates) {
            out << YAML::Key << YAML::DoubleQuoted << path << YAML::Value;
            write_template(out, one);
        }
    }
    out << YAML::EndMap;
    out << YAML::EndMap;
    return std::string(out.c_str()) + "\n";
}

Metadata parse_metadata(const std::string& yaml) {
    auto read = read_metadata(yaml);
    Metadata metadata{std::move(read.architecture), read.creation_date, read.expiry_date,
                      std::move(read.properties).value_or(schema::Config())};
    metadata.architecture = schema::canonical_architecture(metadata.architecture);
    if (metadata.creation_date == 0) throw schema::bad_request("Missing creation date");
    if (!is_plausible(metadata.creation_date) || !is_plausible(metadata.expiry_date))
        throw schema::bad_request("Invalid metadata.yaml: a date is out of range");
    return metadata;
}

} // namespace images
