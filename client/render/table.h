#pragma once
// Rows of text in the formats that every list command offers: table, compact, csv, and the objects themselves as json
// or yaml.

#include <string>
#include <string_view>
#include <vector>

#include "client/shapes.h"
#include "schema/json.h"

namespace client {

using Row = std::vector<std::string>;

/// What a list command shows; `objects` is what json and yaml print (already in the shape's form).
struct Listing {
    Row header;
    std::vector<Row> rows;
    schema::Json objects;
    const Shape* shape = nullptr;
};

/// Whether a format prints `objects` and not the rows.
bool prints_objects(std::string_view format);
/// The whole text for standard output; an unknown format throws bad_request.
std::string render(const Listing& listing, std::string_view format);

std::string table(const Row& header, const std::vector<Row>& rows);
std::string compact(const Row& header, const std::vector<Row>& rows);
std::string csv(const std::vector<Row>& rows);

/// JSON as Go writes it: `<`, `>` and `&` escaped.
std::string html_safe(const std::string& json);

/// Columns that a text takes on a terminal.
size_t display_width(std::string_view text);

} // namespace client
