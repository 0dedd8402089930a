#include "daemon/images/templates/lexer.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "schema/error.h"

namespace images::templates {

void template_error(int line, const std::string& text) {
    throw schema::failure("Line {}: {}", line, text);
}

namespace {

using Kind = Token::Kind;

constexpr std::string_view white_space = " \t\r\n\v\f";
constexpr std::string_view verbatim = "{% verbatim %}";
constexpr size_t longest_name = 256; // looking one up costs its length, each time
constexpr std::string_view end_of_verbatim = "{% endverbatim %}";
constexpr auto symbols =
    std::to_array<std::string_view>({"==", ">=", "<=", "&&", "||", "!=", "<>", "(", ")", "+", "-", "*",
                                     "<",  ">",  "/",  "^",  ",",  ".",  "!",  "|", ":", "=", "%"});

bool starts_name(char character) {
    return std::isalpha(static_cast<unsigned char>(character)) != 0 || character == '_';
}

bool is_digit(char character) {
    return std::isdigit(static_cast<unsigned char>(character)) != 0;
}

class Lexer {
public:
    explicit Lexer(std::string_view source) : source_(source) {}

    std::vector<Token> run() {
        while (at_ < source_.size()) step();
        flush_text();
        return std::move(tokens_);
    }

private:
    void step() {
        if (starts(verbatim)) return take_verbatim();
        if (starts("{#")) return skip_comment();
        if (starts("{{")) return take_code(Kind::output_begin, Kind::output_end, "}}");
        if (starts("{%")) return take_code(Kind::tag_begin, Kind::tag_end, "%}");
        text_ += take(1);
    }

    bool starts(std::string_view what) const { return source_.substr(at_).starts_with(what); }

    std::string_view take(size_t count) {
        const auto piece = source_.substr(at_, count);
        line_ += static_cast<int>(std::count(piece.begin(), piece.end(), '\n'));
        at_ += piece.size();
        return piece;
    }

    void add(Kind kind, std::string value) { tokens_.push_back({kind, std::move(value), line_}); }

    void flush_text() {
        if (!text_.empty()) add(Kind::text, std::move(text_));
        text_.clear();
    }

    void take_verbatim() {
        take(verbatim.size());
        const auto end = source_.find(end_of_verbatim, at_);
        if (end == std::string_view::npos) template_error(line_, "verbatim-tag not closed");
        text_ += take(end - at_);
        take(end_of_verbatim.size());
    }

    void skip_comment() {
        const auto end = source_.find("#}", at_);
        if (end == std::string_view::npos) template_error(line_, "Single-line comment not closed");
        if (source_.substr(at_, end - at_).find('\n') != std::string_view::npos)
            template_error(line_, "Newline not permitted in a single-line comment");
        take(end + 2 - at_);
    }

    void take_code(Kind begin, Kind end, std::string_view closing) {
        take(2);
        if (starts("-")) {
            take(1);
            text_.resize(text_.find_last_not_of(white_space) + 1);
        }
        flush_text();
        add(begin, {});
        for (;;) {
            skip_white_space();
            if (at_ >= source_.size()) template_error(line_, fmt::format("Missing {}", closing));
            const bool trims = starts("-") && source_.substr(at_ + 1).starts_with(closing);
            if (trims || starts(closing)) {
                take(closing.size() + (trims ? 1 : 0));
                add(end, {});
                if (trims) skip_white_space();
                return;
            }
            take_token();
        }
    }

    void skip_white_space() {
        const auto end = std::min(source_.find_first_not_of(white_space, at_), source_.size());
        take(end - at_);
    }

    void take_token() {
        const char first = source_[at_];
        if (starts_name(first)) return take_while(Kind::name, [](char c) { return starts_name(c) || is_digit(c); });
        if (is_digit(first)) return take_while(Kind::number, is_digit);
        if (first == '"' || first == '\'') return take_string(first);
        for (const auto symbol : symbols)
            if (starts(symbol)) return add(Kind::symbol, std::string(take(symbol.size())));
        template_error(line_, fmt::format("Unknown character: {:?}", std::string(1, first)));
    }

    template <class Belongs> void take_while(Kind kind, Belongs belongs) {
        auto end = at_;
        while (end < source_.size() && belongs(source_[end])) ++end;
        // A name that runs on with a number ("2nd") is neither.
        if (kind == Kind::number && end < source_.size() && starts_name(source_[end]))
            template_error(line_, "Malformed number");
        if (kind == Kind::name && end - at_ > longest_name)
            template_error(line_, fmt::format("A name is longer than {} characters", longest_name));
        add(kind, std::string(take(end - at_)));
    }

    void take_string(char quote) {
        take(1);
        std::string content;
        while (at_ < source_.size() && source_[at_] != quote) {
            if (source_[at_] == '\n') template_error(line_, "Newline in string is not permitted");
            if (source_[at_] == '\\') {
                take(1);
                if (at_ >= source_.size() || std::string_view("\"\\'").find(source_[at_]) == std::string_view::npos)
                    template_error(line_, "Unknown escape sequence");
            }
            content += take(1);
        }
        if (at_ >= source_.size()) template_error(line_, "Unexpected end of file, string not closed");
        take(1);
        add(Kind::string, std::move(content));
    }

    std::string_view source_;
    size_t at_ = 0;
    int line_ = 1;
    std::string text_;
    std::vector<Token> tokens_;
};

} // namespace

std::vector<Token> tokens_of(std::string_view source) {
    return Lexer(source).run();
}

} // namespace images::templates
