#include "client/render/table.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "client/target.h"
#include "client/yaml_out.h"
#include "schema/error.h"

namespace client {

namespace {

struct Range {
    uint32_t first;
    uint32_t last;
};
// East Asian wide and full-width characters, and emoji.
constexpr std::array<Range, 14> wide{{{0x1100, 0x115F},
                                      {0x2E80, 0x303E},
                                      {0x3041, 0x33FF},
                                      {0x3400, 0x4DBF},
                                      {0x4E00, 0x9FFF},
                                      {0xA000, 0xA4CF},
                                      {0xAC00, 0xD7A3},
                                      {0xF900, 0xFAFF},
                                      {0xFE30, 0xFE6F},
                                      {0xFF00, 0xFF60},
                                      {0xFFE0, 0xFFE6},
                                      {0x1F300, 0x1F64F},
                                      {0x1F900, 0x1F9FF},
                                      {0x20000, 0x3FFFD}}};
constexpr Range combining{0x0300, 0x036F};

bool within(uint32_t point, Range range) {
    return point >= range.first && point <= range.last;
}

bool is_number_or_space(char c) {
    return (c >= '0' && c <= '9') || c == ' ';
}

/// Upper case, with underscores and dots as spaces: what a header looks like.
std::string title(std::string_view name) {
    std::string shown(name);
    for (size_t i = 0; i < shown.size(); ++i) {
        if (shown[i] == '_') shown[i] = ' ';
        if (name[i] != '.') continue;
        const bool within_number =
            (i == 0 || is_number_or_space(name[i - 1])) && (i + 1 == name.size() || is_number_or_space(name[i + 1]));
        if (!within_number) shown[i] = ' ';
    }
    const auto first = shown.find_first_not_of(' ');
    if (first == std::string::npos) return shown.empty() ? "" : " ";
    shown = shown.substr(first, shown.find_last_not_of(' ') - first + 1);
    std::transform(shown.begin(), shown.end(), shown.begin(),
                   [](unsigned char c) { return c < 0x80 ? static_cast<char>(::toupper(c)) : static_cast<char>(c); });
    return shown;
}

std::string centred(const std::string& text, size_t width) {
    const auto gap = width - std::min(width, display_width(text));
    const auto left = gap / 2;
    return std::string(left, ' ') + text + std::string(gap - left, ' ');
}

std::string left_aligned(const std::string& text, size_t width) {
    return text + std::string(width - std::min(width, display_width(text)), ' ');
}

/// A table's cells as lines, and the width of each column.
struct Layout {
    std::vector<std::string> header;
    std::vector<std::vector<std::vector<std::string>>> rows; // row, column, line
    std::vector<size_t> widths;
    std::vector<size_t> heights; // lines of each row

    Layout(const Row& names, const std::vector<Row>& cells) {
        for (const auto& name : names) {
            header.push_back(title(name));
            widths.push_back(display_width(header.back()));
        }
        for (const auto& row : cells) {
            auto& lines = rows.emplace_back();
            size_t height = 1;
            for (size_t column = 0; column < row.size(); ++column) {
                lines.push_back(split(row[column], '\n'));
                if (column >= widths.size()) widths.resize(column + 1);
                for (const auto& line : lines.back()) widths[column] = std::max(widths[column], display_width(line));
                height = std::max(height, lines.back().size());
            }
            heights.push_back(height);
        }
    }

    std::string line(size_t row, size_t column, size_t number) const {
        if (column >= rows[row].size() || number >= rows[row][column].size()) return left_aligned("", widths[column]);
        return left_aligned(rows[row][column][number], widths[column]);
    }
};

std::string quoted_field(const std::string& field) {
    const bool needs_quotes = field == "\\." || field.find_first_of(",\"\r\n") != std::string::npos ||
                              (!field.empty() && (field[0] == ' ' || (field[0] >= '\t' && field[0] <= '\r')));
    if (!needs_quotes) return field;
    std::string quoted = "\"";
    for (const char c : field) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

} // namespace

size_t display_width(std::string_view text) {
    size_t width = 0;
    for (size_t i = 0; i < text.size();) {
        const auto first = static_cast<unsigned char>(text[i]);
        const size_t length = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
        uint32_t point = first < 0xC0 ? first : first & (0xFFU >> (length + 1));
        for (size_t k = 1; k < length && i + k < text.size(); ++k) {
            point = (point << 6U) | (static_cast<unsigned char>(text[i + k]) & 0x3FU);
        }
        i += length;
        if (point < 0x20 || within(point, combining)) continue;
        width += std::any_of(wide.begin(), wide.end(), [&](Range range) { return within(point, range); }) ? 2 : 1;
    }
    return width;
}

std::string table(const Row& header, const std::vector<Row>& rows) {
    const Layout layout(header, rows);
    std::string rule = "+";
    for (const auto width : layout.widths) rule += std::string(width + 2, '-') + "+";
    rule += '\n';

    std::string out = rule + "|";
    for (size_t column = 0; column < layout.header.size(); ++column) {
        out += ' ' + centred(layout.header[column], layout.widths[column]) + " |";
    }
    out += '\n' + rule;
    for (size_t row = 0; row < layout.rows.size(); ++row) {
        for (size_t number = 0; number < layout.heights[row]; ++number) {
            out += '|';
            for (size_t column = 0; column < layout.widths.size(); ++column) {
                out += ' ' + layout.line(row, column, number) + " |";
            }
            out += '\n';
        }
        out += rule;
    }
    return out;
}

std::string compact(const Row& header, const std::vector<Row>& rows) {
    const Layout layout(header, rows);
    std::string out;
    for (size_t column = 0; column < layout.header.size(); ++column) {
        out += "  " + centred(layout.header[column], layout.widths[column]);
    }
    out += "  \n";
    for (size_t row = 0; row < layout.rows.size(); ++row) {
        for (size_t number = 0; number < layout.heights[row]; ++number) {
            for (size_t column = 0; column < layout.widths.size(); ++column) {
                out += "  " + layout.line(row, column, number);
            }
            out += "  \n";
        }
    }
    return out;
}

std::string csv(const std::vector<Row>& rows) {
    std::string out;
    for (const auto& row : rows) {
        for (size_t column = 0; column < row.size(); ++column) {
            if (column > 0) out += ',';
            out += quoted_field(row[column]);
        }
        out += '\n';
    }
    return out;
}

std::string html_safe(const std::string& json) {
    std::string safe;
    safe.reserve(json.size());
    for (const char c : json) {
        switch (c) {
        case '<':
            safe += "\\u003c";
            break;
        case '>':
            safe += "\\u003e";
            break;
        case '&':
            safe += "\\u0026";
            break;
        default:
            safe += c;
        }
    }
    return safe;
}

bool prints_objects(std::string_view format) {
    return format == "json" || format == "yaml";
}

std::string render(const Listing& listing, std::string_view format) {
    if (format == "table") return table(listing.header, listing.rows);
    if (format == "compact") return compact(listing.header, listing.rows);
    if (format == "csv") return csv(listing.rows);
    if (format == "json") return html_safe(listing.objects.dump()) + '\n';
    if (format == "yaml") return yaml(listing.objects, listing.shape);
    throw schema::bad_request("Invalid format \"{}\"", format);
}

} // namespace client
