#pragma once
// The `filter=` of collections, LXD 5.0's dialect: `[not] FIELD eq|ne VALUE [and|or ...]`, read from left to right
// without precedence. FIELD is dotted (`config.image.os`, `expanded_devices.root.pool`); VALUE is a regular expression
// for the whole value, without regard to case. Used by the handlers of instances and images.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "schema/json.h"

namespace schema {

class Filter {
public:
    /// Throws bad_request `Invalid filter: ...`. An empty text matches everything.
    static Filter parse(std::string_view text);

    /// `object` is what the API would render.
    bool matches(const Json& object) const;

private:
    class Pattern;
    struct Clause {
        bool either = false; // joined to what is before by "or"
        bool negated = false;
        std::string field;
        std::shared_ptr<const Pattern> pattern;
    };
    std::vector<Clause> clauses_;
};

/// The value of a dotted field. Map keys may hold dots themselves. A key that a map of texts lacks is an empty text (as
/// configuration has it); any other missing field is null.
Json field_value(const Json& object, std::string_view field);

} // namespace schema
