#pragma once
// A JSON value, and the only door to RapidJSON: every room reads and writes JSON through this type.
//
// Objects keep the order in which members were set, so that an API struct is rendered in LXD's field order; maps are
// rendered in key order, as Go does.

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "schema/timestamp.h"

namespace schema {

class Json {
public:
    using Array = std::vector<Json>;
    using Member = std::pair<std::string, Json>;
    using Object = std::vector<Member>;

    Json() = default; // null
    Json(std::nullptr_t) {}
    template <std::same_as<bool> T> Json(T value) : value_(value) {}
    template <std::integral T>
        requires(!std::same_as<T, bool>)
    Json(T value) : value_(static_cast<int64_t>(value)) {}
    Json(double value) : value_(value) {}
    Json(std::string value) : value_(std::move(value)) {}
    Json(std::string_view value) : value_(std::string(value)) {}
    Json(const char* value) : value_(std::string(value)) {}
    Json(Time value) : value_(rfc3339(value)) {}
    Json(Array value) : value_(std::move(value)) {}
    Json(Object value) : value_(std::move(value)) {}
    template <class T> Json(const std::vector<T>& values) : value_(Array(values.begin(), values.end())) {}
    template <class T> Json(const std::map<std::string, T>& members) : value_(Object{}) {
        for (const auto& [key, value] : members) object().emplace_back(key, Json(value));
    }

    static Json empty_object() { return {Object{}}; }
    static Json empty_array() { return {Array{}}; }

    /// Throws bad_request that says where the text stops being JSON. Depth is limited to 512.
    static Json parse(std::string_view text);
    /// On one line, without a newline at the end.
    std::string dump() const;
    /// Indented by tabs, as `lxc query` prints.
    std::string pretty() const;

    bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
    bool is_bool() const { return std::holds_alternative<bool>(value_); }
    bool is_integer() const { return std::holds_alternative<int64_t>(value_); }
    bool is_number() const { return is_integer() || std::holds_alternative<double>(value_); }
    bool is_string() const { return std::holds_alternative<std::string>(value_); }
    bool is_array() const { return std::holds_alternative<Array>(value_); }
    bool is_object() const { return std::holds_alternative<Object>(value_); }

    /// The as_* readers throw bad_request naming the kind found when the value is of another kind.
    bool as_bool() const;
    int64_t as_integer() const;
    double as_number() const;
    const std::string& as_string() const;
    const Array& as_array() const;
    const Object& as_object() const;

    Array& array() { return std::get<Array>(value_); }
    Object& object() { return std::get<Object>(value_); }

    /// The member of an object; nullptr where it is missing or this is not an object.
    const Json* find(std::string_view key) const;
    /// The member of an object; a null value where it is missing.
    const Json& operator[](std::string_view key) const;
    /// Adds or replaces a member; a null value becomes an object first. Returns *this for chaining.
    Json& set(std::string_view key, Json value);
    void push_back(Json value);

    bool operator==(const Json&) const = default;

private:
    std::variant<std::monostate, bool, int64_t, double, std::string, Array, Object> value_;
};

/// What a JSON value is called in messages: "null", "bool", "number", "string", "array" or "object".
std::string_view kind_name(const Json& value);

// Decoding. A missing member and null leave the field as it is (Go's rule); a member of another type throws
// bad_request that names it. Unknown members are ignored.
namespace json {

void decode(const Json& value, bool& field);
void decode(const Json& value, int& field);
void decode(const Json& value, int64_t& field);
void decode(const Json& value, uint32_t& field);
void decode(const Json& value, double& field);
void decode(const Json& value, std::string& field);
void decode(const Json& value, Time& field);
void decode(const Json& value, Json& field);
template <class T> void decode(const Json& value, std::vector<T>& field);
template <class T> void decode(const Json& value, std::map<std::string, T>& field);
template <class T> void decode(const Json& value, std::optional<T>& field);

/// Runs `decode` on a member, if it is there, adding its name to an error.
template <class T> void read(const Json& object, std::string_view key, T& field);

[[noreturn]] void rethrow_naming(std::string_view key);

template <class T> void decode(const Json& value, std::vector<T>& field) {
    field.clear();
    for (const auto& element : value.as_array()) {
        T item{};
        if (!element.is_null()) decode(element, item);
        field.push_back(std::move(item));
    }
}

template <class T> void decode(const Json& value, std::map<std::string, T>& field) {
    field.clear();
    for (const auto& [key, member] : value.as_object()) {
        T item{};
        try {
            if (!member.is_null()) decode(member, item);
        } catch (...) {
            rethrow_naming(key);
        }
        field[key] = std::move(item);
    }
}

template <class T> void decode(const Json& value, std::optional<T>& field) {
    T item{};
    decode(value, item);
    field = std::move(item);
}

template <class T> void read(const Json& object, std::string_view key, T& field) {
    const auto* member = object.find(key);
    if (member == nullptr || member->is_null()) return;
    try {
        decode(*member, field);
    } catch (...) {
        rethrow_naming(key);
    }
}

} // namespace json

} // namespace schema
