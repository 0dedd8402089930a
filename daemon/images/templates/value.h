#pragma once
// What expressions of a template work on: nothing, truth, numbers, texts, lists, maps and functions, with the
// conversions that LXD's template engine (pongo2) has between them.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace images::templates {

class Value {
public:
    using List = std::vector<Value>;
    using Map = std::map<std::string, Value>;
    using Function = std::function<Value(const List& arguments)>;

    Value() = default; // nothing
    Value(bool value) : value_(value) {}
    Value(int64_t value) : value_(value) {}
    Value(double value) : value_(value) {}
    Value(std::string value) : value_(std::move(value)) {}
    Value(const char* value) : value_(std::string(value)) {}
    Value(List value) : value_(std::make_shared<const List>(std::move(value))) {}
    Value(Map value) : value_(std::make_shared<const Map>(std::move(value))) {}
    Value(Function value) : value_(std::make_shared<const Function>(std::move(value))) {}
    Value(const std::map<std::string, std::string>& texts) : Value(Map(texts.begin(), texts.end())) {}

    bool is_nothing() const { return std::holds_alternative<std::monostate>(value_); }
    bool is_bool() const { return std::holds_alternative<bool>(value_); }
    bool is_integer() const { return std::holds_alternative<int64_t>(value_); }
    bool is_float() const { return std::holds_alternative<double>(value_); }
    bool is_number() const { return is_integer() || is_float(); }
    bool is_string() const { return std::holds_alternative<std::string>(value_); }
    const List* list() const { return pointed<List>(); }
    const Map* map() const { return pointed<Map>(); }
    const Function* function() const { return pointed<Function>(); }

    /// As it is printed: "True", "1.500000"; nothing is an empty text.
    std::string text() const;
    /// A text is read as a number; what is none is 0.
    int64_t integer() const;
    double number() const;
    bool is_true() const;
    /// In characters, members; 0 for what has none.
    size_t size() const;
    /// Of a text; 0 for anything else.
    size_t bytes() const { return is_string() ? std::get<std::string>(value_).size() : 0; }
    bool equals(const Value& other) const;
    /// Whether `part` is a piece of this text, a member of this list or a key of this map.
    bool contains(const Value& part) const;

    /// A text that is not escaped again where escaping is on.
    bool safe() const { return safe_; }
    Value as_safe() const {
        auto copy = *this;
        copy.safe_ = true;
        return copy;
    }

private:
    template <class T> const T* pointed() const {
        const auto* held = std::get_if<std::shared_ptr<const T>>(&value_);
        return held == nullptr ? nullptr : held->get();
    }

    std::variant<std::monostate, bool, int64_t, double, std::string, std::shared_ptr<const List>,
                 std::shared_ptr<const Map>, std::shared_ptr<const Function>>
        value_;
    bool safe_ = false;
};

/// Where `part`, which is not empty, begins in a text from `from` on; npos where it does not. Takes time for the text's
/// length alone, however much of the part is found again and again.
size_t position_of(std::string_view text, std::string_view part, size_t from = 0);

/// The characters of a text, each as its bytes; a byte that is no UTF-8 is one of its own.
std::vector<std::string_view> characters(std::string_view text);

} // namespace images::templates
