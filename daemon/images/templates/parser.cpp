#include "daemon/images/templates/parser.h"

#include <algorithm>
#include <array>
#include <span>

#include <fmt/format.h>

#include "daemon/images/templates/expression_parser.h"

namespace images::templates {

namespace {

using Kind = Token::Kind;
using Ends = std::span<const std::string_view>;

class Parser {
public:
    explicit Parser(std::vector<Token> tokens) : reader_(std::move(tokens)) {}

    Nodes whole() {
        auto nodes = nodes_until({});
        if (!reader_.at_end()) template_error(reader_.line(), "Unexpected end of a tag or value");
        return nodes;
    }

private:
    using TagParser = decltype(Node::what) (Parser::*)();
    struct Tag {
        std::string_view name;
        TagParser parse;
    };
    static const std::array<Tag, 16> tags;

    bool at_tag(std::string_view name) const {
        return reader_.is(Kind::tag_begin) && reader_.peek(1).kind == Kind::name && reader_.peek(1).value == name;
    }

    /// Up to `{% end`, for any of these ends, which is left to be read.
    Nodes nodes_until(Ends ends) {
        const TokenReader::Level level(reader_);
        Nodes nodes;
        while (!reader_.at_end()) {
            if (std::ranges::any_of(ends, [&](auto name) { return at_tag(name); })) return nodes;
            if (auto node = next_node()) nodes.push_back(std::move(node));
        }
        if (!ends.empty())
            template_error(reader_.line(), fmt::format("Unexpected end of the template, expected {}", ends.back()));
        return nodes;
    }

    Nodes body(std::string_view end) {
        end_tag();
        auto nodes = nodes_until({&end, 1});
        take_end(end);
        return nodes;
    }

    /// A body that may have an `else`; what follows that goes to `otherwise`.
    Nodes body(std::string_view end, std::string_view alternative, Nodes& otherwise) {
        end_tag();
        const std::array both{alternative, end};
        auto nodes = nodes_until(both);
        if (at_tag(alternative)) {
            take_tag_name();
            end_tag();
            otherwise = nodes_until({&end, 1});
        }
        take_end(end);
        return nodes;
    }

    Token take_tag_name() {
        reader_.expect(Kind::tag_begin, "{%");
        return reader_.expect(Kind::name, "a tag's name");
    }

    void end_tag() { reader_.expect(Kind::tag_end, "%}"); }

    void take_end(std::string_view name) {
        take_tag_name();
        // pongo2 lets a block's end repeat its name.
        if (name == "endblock" && reader_.is(Kind::name)) reader_.next();
        end_tag();
    }

    std::unique_ptr<Node> next_node() {
        auto node = std::make_unique<Node>();
        node->line = reader_.line();
        if (reader_.is(Kind::text)) {
            node->what = Text{reader_.next().value};
        } else if (reader_.is(Kind::output_begin)) {
            reader_.next();
            node->what = Output{parse_expression(reader_)};
            reader_.expect(Kind::output_end, "}}");
        } else {
            const auto name = take_tag_name();
            if (name.value == "comment") {
                skip_comment();
                return nullptr;
            }
            node->what = (this->*tag(name).parse)();
        }
        return node;
    }

    static const Tag& tag(const Token& name) {
        constexpr std::string_view banned[] = {"extends", "import", "include", "ssi"};
        if (std::ranges::find(banned, name.value) != std::end(banned))
            template_error(name.line, fmt::format("Usage of tag '{}' is not allowed", name.value));
        const auto* found = std::ranges::find_if(tags, [&](const Tag& row) { return row.name == name.value; });
        if (found == tags.end())
            template_error(name.line, fmt::format("Tag '{}' not found (or beginning tag not provided)", name.value));
        return *found;
    }

    /// What is inside is cut into tokens as everything is, but means nothing.
    void skip_comment() {
        end_tag();
        while (!at_tag("endcomment")) {
            if (reader_.at_end()) template_error(reader_.line(), "Unexpected end of the template, expected endcomment");
            reader_.next();
        }
        take_end("endcomment");
    }

    std::string name() { return reader_.expect(Kind::name, "a name").value; }

    Assignment assignment() {
        auto target = name();
        reader_.expect_symbol("=");
        return {std::move(target), parse_expression(reader_)};
    }

    decltype(Node::what) parse_if() {
        static constexpr std::array<std::string_view, 3> ends{"elif", "else", "endif"};
        If result;
        auto condition = parse_expression(reader_);
        for (;;) {
            end_tag();
            result.branches.emplace_back(std::move(condition), nodes_until(ends));
            const auto end = take_tag_name();
            if (end.value == "elif") {
                condition = parse_expression(reader_);
                continue;
            }
            if (end.value == "else") {
                end_tag();
                result.otherwise = nodes_until({&ends.back(), 1});
                take_tag_name();
            }
            end_tag();
            return result;
        }
    }

    decltype(Node::what) parse_if_compared(BinaryOperator operation, std::string_view end) {
        If result;
        const auto line = reader_.line();
        auto left = parse_expression(reader_);
        auto condition = std::make_unique<Expression>();
        condition->line = line;
        condition->what = Binary{operation, std::move(left), parse_expression(reader_)};
        auto nodes = body(end, "else", result.otherwise);
        result.branches.emplace_back(std::move(condition), std::move(nodes));
        return result;
    }
    decltype(Node::what) parse_if_equal() { return parse_if_compared(BinaryOperator::equal, "endifequal"); }
    decltype(Node::what) parse_if_not_equal() { return parse_if_compared(BinaryOperator::not_equal, "endifnotequal"); }

    decltype(Node::what) parse_for() {
        For result;
        result.key = name();
        if (reader_.skip_symbol(",")) result.value = name();
        if (!reader_.skip_name("in")) template_error(reader_.line(), "Expected keyword 'in'");
        result.over = parse_expression(reader_);
        while (reader_.is(Kind::name)) {
            const auto word = reader_.next();
            if (word.value == "reversed")
                result.reversed = true;
            else if (word.value == "sorted")
                result.sorted = true;
            else
                template_error(word.line, "Malformed for-loop args");
        }
        result.body = body("endfor", "empty", result.empty);
        return result;
    }

    decltype(Node::what) parse_set() {
        Set result{assignment()};
        end_tag();
        return result;
    }

    decltype(Node::what) parse_with() {
        With result;
        if (reader_.is(Kind::name) && reader_.peek(1).kind == Kind::symbol && reader_.peek(1).value == "=") {
            while (!reader_.is(Kind::tag_end)) result.assignments.push_back(assignment());
        } else {
            auto value = parse_expression(reader_);
            if (!reader_.skip_name("as")) template_error(reader_.line(), "Expected keyword 'as'");
            result.assignments.emplace_back(name(), std::move(value));
        }
        result.body = body("endwith");
        return result;
    }

    decltype(Node::what) parse_filter() {
        Filtered result;
        result.filters = parse_filters(reader_);
        result.body = body("endfilter");
        return result;
    }

    std::vector<ExpressionPtr> expressions() {
        std::vector<ExpressionPtr> result;
        while (!reader_.at_end() && !reader_.is(Kind::tag_end) && !reader_.is(Kind::name, "as"))
            result.push_back(parse_expression(reader_));
        return result;
    }

    decltype(Node::what) parse_first_of() {
        FirstOf result{expressions()};
        end_tag();
        return result;
    }

    decltype(Node::what) parse_cycle() {
        Cycle result;
        result.values = expressions();
        if (result.values.empty()) template_error(reader_.line(), "cycle needs values");
        if (reader_.skip_name("as")) result.name = name();
        result.silent = reader_.skip_name("silent");
        end_tag();
        return result;
    }

    decltype(Node::what) parse_if_changed() {
        IfChanged result;
        result.watched = expressions();
        result.body = body("endifchanged", "else", result.otherwise);
        return result;
    }

    decltype(Node::what) parse_width_ratio() {
        WidthRatio result;
        result.current = parse_expression(reader_);
        result.largest = parse_expression(reader_);
        result.width = parse_expression(reader_);
        if (reader_.skip_name("as")) result.name = name();
        end_tag();
        return result;
    }

    decltype(Node::what) parse_autoescape() {
        Autoescape result;
        const auto mode = reader_.expect(Kind::name, "'on' or 'off'");
        if (mode.value != "on" && mode.value != "off") template_error(mode.line, "Expected 'on' or 'off'");
        result.on = mode.value == "on";
        result.body = body("endautoescape");
        return result;
    }

    decltype(Node::what) parse_spaceless() { return Spaceless{body("endspaceless")}; }

    decltype(Node::what) parse_block() {
        name();
        return Block{body("endblock")};
    }

    decltype(Node::what) parse_macro() {
        Macro result;
        result.name = name();
        reader_.expect_symbol("(");
        while (!reader_.skip_symbol(")")) {
            auto parameter = name();
            result.parameters.emplace_back(std::move(parameter),
                                           reader_.skip_symbol("=") ? parse_expression(reader_) : nullptr);
            if (!reader_.is(Kind::symbol, ")")) reader_.expect_symbol(",");
        }
        result.body = body("endmacro");
        return result;
    }

    decltype(Node::what) parse_template_tag() {
        static constexpr auto texts =
            std::to_array<std::pair<std::string_view, std::string_view>>({{"openblock", "{%"},
                                                                          {"closeblock", "%}"},
                                                                          {"openvariable", "{{"},
                                                                          {"closevariable", "}}"},
                                                                          {"openbrace", "{"},
                                                                          {"closebrace", "}"},
                                                                          {"opencomment", "{#"},
                                                                          {"closecomment", "#}"}});
        const auto word = reader_.expect(Kind::name, "a name");
        end_tag();
        for (const auto& [key, text] : texts)
            if (key == word.value) return Text{std::string(text)};
        template_error(word.line, fmt::format("Unknown argument {:?} of templatetag", word.value));
    }

    TokenReader reader_;
};

constexpr std::array<Parser::Tag, 16> Parser::tags{{
    {"autoescape", &Parser::parse_autoescape},
    {"block", &Parser::parse_block},
    {"cycle", &Parser::parse_cycle},
    {"filter", &Parser::parse_filter},
    {"firstof", &Parser::parse_first_of},
    {"for", &Parser::parse_for},
    {"if", &Parser::parse_if},
    {"ifchanged", &Parser::parse_if_changed},
    {"ifequal", &Parser::parse_if_equal},
    {"ifnotequal", &Parser::parse_if_not_equal},
    {"macro", &Parser::parse_macro},
    {"set", &Parser::parse_set},
    {"spaceless", &Parser::parse_spaceless},
    {"templatetag", &Parser::parse_template_tag},
    {"widthratio", &Parser::parse_width_ratio},
    {"with", &Parser::parse_with},
}};

} // namespace

Nodes parse(std::string_view source) {
    return Parser(tokens_of(source)).whole();
}

} // namespace images::templates
