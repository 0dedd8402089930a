#include "daemon/images/templates/expression_parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include <fmt/format.h>

#include "daemon/images/templates/parser.h"

namespace images::templates {

using Kind = Token::Kind;

TokenReader::Level::Level(TokenReader& reader) : reader_(reader) {
    if (++reader_.depth_ > deepest_nesting) {
        --reader_.depth_;
        template_error(reader_.line(), fmt::format("Nested deeper than {}", deepest_nesting));
    }
}

void TokenReader::fail(std::string_view wanted) const {
    static constexpr std::string_view kinds[] = {"text", "{{", "}}", "{%", "%}"};
    const auto index = static_cast<size_t>(peek().kind);
    const auto found = at_end() ? "the end of the template"
                                : fmt::format("{:?}", index < std::size(kinds) ? kinds[index] : peek().value);
    template_error(line(), fmt::format("Expected {}, found {}", wanted, found));
}

namespace {

struct OperatorSymbol {
    std::string_view symbol;
    BinaryOperator operation;
};
using enum BinaryOperator;
constexpr auto logical =
    std::to_array<OperatorSymbol>({{"and", logical_and}, {"&&", logical_and}, {"or", logical_or}, {"||", logical_or}});
constexpr auto relations = std::to_array<OperatorSymbol>({{"==", equal},
                                                          {"!=", not_equal},
                                                          {"<>", not_equal},
                                                          {"<=", less_or_equal},
                                                          {">=", greater_or_equal},
                                                          {"<", less},
                                                          {">", greater},
                                                          {"in", BinaryOperator::in}});
constexpr auto sums = std::to_array<OperatorSymbol>({{"+", add}, {"-", subtract}});
constexpr auto products = std::to_array<OperatorSymbol>({{"*", multiply}, {"/", divide}, {"%", modulo}});

/// Goes past an operator of the table.
template <class Table> std::optional<BinaryOperator> take_operator(TokenReader& reader, const Table& table) {
    for (const auto& [symbol, operation] : table)
        if (reader.skip_symbol(symbol) || reader.skip_name(symbol)) return operation;
    return {};
}

/// Walking an expression, and its end, take stack for each level: a long sum is as deep as it is long.
void set_on_top_of(Expression& expression, const Expression& below) {
    expression.height = std::max(expression.height, below.height + 1);
    if (expression.height > deepest_nesting)
        template_error(expression.line, fmt::format("Nested deeper than {}", deepest_nesting));
}

ExpressionPtr make(int line, decltype(Expression::what) what) {
    auto expression = std::make_unique<Expression>();
    expression->what = std::move(what);
    expression->line = line;
    return expression;
}

ExpressionPtr make_binary(BinaryOperator operation, ExpressionPtr left, ExpressionPtr right) {
    auto expression = make(left->line, {});
    set_on_top_of(*expression, *left);
    set_on_top_of(*expression, *right);
    expression->what = Binary{operation, std::move(left), std::move(right)};
    return expression;
}

ExpressionPtr make_unary(int line, Unary::Operator operation, ExpressionPtr operand) {
    auto expression = make(line, {});
    set_on_top_of(*expression, *operand);
    expression->what = Unary{operation, std::move(operand)};
    return expression;
}

Value number(TokenReader& reader) {
    const auto whole = reader.expect(Kind::number, "a number");
    if (reader.is(Kind::symbol, ".") && reader.peek(1).kind == Kind::number) {
        reader.next();
        const auto fraction = reader.next().value;
        return std::strtod((whole.value + "." + fraction).c_str(), nullptr);
    }
    int64_t value = 0;
    const auto& text = whole.value;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc())
        template_error(whole.line, "The number is too large: " + text);
    return value;
}

std::vector<ExpressionPtr> arguments(TokenReader& reader) {
    std::vector<ExpressionPtr> result;
    if (reader.skip_symbol(")")) return result;
    do result.push_back(parse_expression(reader));
    while (reader.skip_symbol(","));
    reader.expect_symbol(")");
    return result;
}

Step member(TokenReader& reader) {
    if (!reader.is(Kind::number)) return {Step::Kind::name, reader.expect(Kind::name, "a name").value, 0, {}};
    const auto index = number(reader);
    return {Step::Kind::index, {}, static_cast<size_t>(index.integer()), {}};
}

Variable variable(TokenReader& reader) {
    Variable result;
    result.steps.push_back({Step::Kind::name, reader.expect(Kind::name, "a value").value, 0, {}});
    for (;;) {
        if (reader.skip_symbol("."))
            result.steps.push_back(member(reader));
        else if (reader.skip_symbol("("))
            result.steps.push_back({Step::Kind::call, {}, 0, arguments(reader)});
        else
            return result;
    }
}

ExpressionPtr literal_or_variable(TokenReader& reader) {
    const auto line = reader.line();
    if (reader.is(Kind::number)) return make(line, Literal{number(reader)});
    if (reader.is(Kind::string)) return make(line, Literal{reader.next().value});
    if (reader.skip_name("true")) return make(line, Literal{true});
    if (reader.skip_name("false")) return make(line, Literal{false});
    auto expression = make(line, {});
    auto path = variable(reader);
    for (const auto& step : path.steps)
        for (const auto& argument : step.arguments) set_on_top_of(*expression, *argument);
    expression->what = std::move(path);
    return expression;
}

FilterCall filter_call(TokenReader& reader) {
    const auto name = reader.expect(Kind::name, "a filter's name");
    FilterCall call;
    call.line = name.line;
    call.filter = find_filter(name.value);
    if (call.filter == nullptr) template_error(name.line, fmt::format("Filter '{}' does not exist", name.value));
    if (reader.skip_symbol(":")) call.parameter = literal_or_variable(reader);
    return call;
}

ExpressionPtr factor(TokenReader& reader) {
    const TokenReader::Level level(reader);
    ExpressionPtr result;
    if (reader.skip_symbol("(")) {
        result = parse_expression(reader);
        reader.expect_symbol(")");
    } else {
        result = literal_or_variable(reader);
    }
    if (reader.skip_symbol("|"))
        for (auto& call : parse_filters(reader)) {
            if (call.parameter) set_on_top_of(*result, *call.parameter);
            result->filters.push_back(std::move(call));
        }
    return result;
}

ExpressionPtr power_of(TokenReader& reader) {
    const TokenReader::Level level(reader);
    auto left = factor(reader);
    if (!reader.skip_symbol("^")) return left;
    return make_binary(power, std::move(left), power_of(reader));
}

ExpressionPtr product(TokenReader& reader) {
    auto left = power_of(reader);
    while (const auto operation = take_operator(reader, products))
        left = make_binary(*operation, std::move(left), power_of(reader));
    return left;
}

ExpressionPtr sum(TokenReader& reader) {
    const auto line = reader.line();
    const bool negated = reader.skip_symbol("!") || reader.skip_name("not");
    const bool minus = reader.skip_symbol("-");
    if (!minus) reader.skip_symbol("+");
    auto left = product(reader);
    if (minus) left = make_unary(line, Unary::Operator::minus, std::move(left));
    if (negated) left = make_unary(line, Unary::Operator::logical_not, std::move(left));
    while (const auto operation = take_operator(reader, sums))
        left = make_binary(*operation, std::move(left), product(reader));
    return left;
}

ExpressionPtr relation(TokenReader& reader) {
    const TokenReader::Level level(reader);
    auto left = sum(reader);
    const auto operation = take_operator(reader, relations);
    if (!operation) return left;
    return make_binary(*operation, std::move(left), relation(reader));
}

} // namespace

ExpressionPtr parse_expression(TokenReader& reader) {
    const TokenReader::Level level(reader);
    auto left = relation(reader);
    const auto operation = take_operator(reader, logical);
    if (!operation) return left;
    return make_binary(*operation, std::move(left), parse_expression(reader));
}

std::vector<FilterCall> parse_filters(TokenReader& reader) {
    std::vector<FilterCall> calls;
    do calls.push_back(filter_call(reader));
    while (reader.skip_symbol("|"));
    return calls;
}

} // namespace images::templates
