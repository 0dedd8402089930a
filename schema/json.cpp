#include "schema/json.h"

#include <limits>

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "schema/error.h"
#include "schema/limits.h"
#include "schema/utf8.h"

namespace schema {

namespace {

/// SAX handler that builds a Json bottom-up; returning false stops the reader.
class Builder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Builder> {
public:
    Json result;

    bool Null() { return add({}); }
    bool Bool(bool value) { return add(value); }
    bool Int(int value) { return add(value); }
    bool Uint(unsigned value) { return add(value); }
    bool Int64(int64_t value) { return add(value); }
    bool Uint64(uint64_t value) {
        if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return add(static_cast<double>(value));
        return add(value);
    }
    bool Double(double value) { return add(value); }
    bool String(const char* text, rapidjson::SizeType size, bool) { return add(std::string(text, size)); }
    bool Key(const char* text, rapidjson::SizeType size, bool) {
        keys_.emplace_back(text, size);
        return true;
    }
    bool StartObject() { return open(Json::empty_object()); }
    bool EndObject(rapidjson::SizeType) { return close(); }
    bool StartArray() { return open(Json::empty_array()); }
    bool EndArray(rapidjson::SizeType) { return close(); }

private:
    bool open(Json container) {
        if (open_.size() == limits::json_depth.value) return false;
        open_.push_back(std::move(container));
        return true;
    }
    bool close() {
        auto done = std::move(open_.back());
        open_.pop_back();
        return add(std::move(done));
    }
    bool add(Json value) {
        if (open_.empty()) {
            result = std::move(value);
        } else if (open_.back().is_object()) {
            // Appended without a search, so that a hostile body costs linear time; `find` lets the last of two win.
            open_.back().object().emplace_back(std::move(keys_.back()), std::move(value));
            keys_.pop_back();
        } else {
            open_.back().push_back(std::move(value));
        }
        return true;
    }

    std::vector<Json> open_;
    std::vector<std::string> keys_;
};

/// File names and what hardware says of itself may hold any bytes; JSON may not. As Go does, each that is no UTF-8
/// becomes U+FFFD.
template <class Write> void write_text(std::string_view text, Write write) {
    std::string repaired;
    size_t good = 0; // bytes that need no repair
    for (size_t at = 0; at < text.size();) {
        const auto size = character_size(text.substr(at));
        if (size == 0) {
            repaired.append(text.substr(good, at - good)).append("\xef\xbf\xbd");
            good = at + 1;
        }
        at += size == 0 ? 1 : size;
    }
    if (good > 0) text = repaired.append(text.substr(good));
    write(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

template <class Writer> void write(const Json& value, Writer& out) {
    if (value.is_null()) {
        out.Null();
    } else if (value.is_bool()) {
        out.Bool(value.as_bool());
    } else if (value.is_integer()) {
        out.Int64(value.as_integer());
    } else if (value.is_number()) {
        out.Double(value.as_number());
    } else if (value.is_string()) {
        write_text(value.as_string(), [&](const char* text, rapidjson::SizeType size) { out.String(text, size); });
    } else if (value.is_array()) {
        out.StartArray();
        for (const auto& element : value.as_array()) write(element, out);
        out.EndArray();
    } else {
        out.StartObject();
        for (const auto& [key, member] : value.as_object()) {
            write_text(key, [&](const char* text, rapidjson::SizeType size) { out.Key(text, size); });
            write(member, out);
        }
        out.EndObject();
    }
}

Error wrong_kind(const Json& found, std::string_view wanted) {
    return bad_request("Invalid JSON value: expected {}, got {}", wanted, kind_name(found));
}

template <class T> T integer_within(const Json& value) {
    const auto number = value.as_integer();
    if (!std::in_range<T>(number)) throw bad_request("Invalid JSON value: {} is out of range", number);
    return static_cast<T>(number);
}

} // namespace

std::string_view kind_name(const Json& value) {
    if (value.is_null()) return "null";
    if (value.is_bool()) return "bool";
    if (value.is_number()) return "number";
    if (value.is_string()) return "string";
    return value.is_array() ? "array" : "object";
}

Json Json::parse(std::string_view text) {
    Builder builder;
    rapidjson::Reader reader;
    rapidjson::MemoryStream stream(text.data(), text.size());
    constexpr unsigned flags =
        rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag | rapidjson::kParseFullPrecisionFlag;
    if (const auto outcome = reader.Parse<flags>(stream, builder); outcome.IsError())
        throw bad_request("Invalid JSON at byte {}: {}", outcome.Offset(),
                          outcome.Code() == rapidjson::kParseErrorTermination
                              ? "Nested too deeply."
                              : rapidjson::GetParseError_En(outcome.Code()));
    return std::move(builder.result);
}

std::string Json::dump() const {
    rapidjson::StringBuffer buffer;
    rapidjson::Writer writer(buffer);
    write(*this, writer);
    return {buffer.GetString(), buffer.GetSize()};
}

std::string Json::pretty() const {
    rapidjson::StringBuffer buffer;
    rapidjson::PrettyWriter writer(buffer);
    writer.SetIndent('\t', 1);
    write(*this, writer);
    return {buffer.GetString(), buffer.GetSize()};
}

bool Json::as_bool() const {
    if (!is_bool()) throw wrong_kind(*this, "bool");
    return std::get<bool>(value_);
}

int64_t Json::as_integer() const {
    if (!is_integer()) throw wrong_kind(*this, "integer");
    return std::get<int64_t>(value_);
}

double Json::as_number() const {
    if (is_integer()) return static_cast<double>(std::get<int64_t>(value_));
    if (!is_number()) throw wrong_kind(*this, "number");
    return std::get<double>(value_);
}

const std::string& Json::as_string() const {
    if (!is_string()) throw wrong_kind(*this, "string");
    return std::get<std::string>(value_);
}

const Json::Array& Json::as_array() const {
    if (!is_array()) throw wrong_kind(*this, "array");
    return std::get<Array>(value_);
}

const Json::Object& Json::as_object() const {
    if (!is_object()) throw wrong_kind(*this, "object");
    return std::get<Object>(value_);
}

const Json* Json::find(std::string_view key) const {
    if (!is_object()) return nullptr;
    const auto& members = std::get<Object>(value_);
    for (auto member = members.rbegin(); member != members.rend(); ++member)
        if (member->first == key) return &member->second;
    return nullptr;
}

const Json& Json::operator[](std::string_view key) const {
    static const Json null;
    const auto* member = find(key);
    return member != nullptr ? *member : null;
}

Json& Json::set(std::string_view key, Json value) {
    if (is_null()) value_ = Object{};
    for (auto& [name, member] : object())
        if (name == key) {
            member = std::move(value);
            return *this;
        }
    object().emplace_back(key, std::move(value));
    return *this;
}

void Json::push_back(Json value) {
    if (is_null()) value_ = Array{};
    array().push_back(std::move(value));
}

namespace json {

void decode(const Json& value, bool& field) {
    field = value.as_bool();
}
void decode(const Json& value, int& field) {
    field = integer_within<int>(value);
}
void decode(const Json& value, int64_t& field) {
    field = value.as_integer();
}
void decode(const Json& value, uint32_t& field) {
    field = integer_within<uint32_t>(value);
}
void decode(const Json& value, double& field) {
    field = value.as_number();
}
void decode(const Json& value, std::string& field) {
    field = value.as_string();
}
void decode(const Json& value, Time& field) {
    field = parse_rfc3339(value.as_string());
}
void decode(const Json& value, Json& field) {
    field = value;
}

void rethrow_naming(std::string_view key) {
    try {
        throw;
    } catch (const Error& error) {
        throw Error(error.kind(), fmt::format("{}: {}", key, error.what()));
    }
}

} // namespace json

} // namespace schema
