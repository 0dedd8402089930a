#include "daemon/images/templates/template.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "daemon/images/templates/lexer.h"
#include "daemon/images/templates/parser.h"
#include "daemon/images/templates/text_filters.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace images::templates {

namespace {

using Scope = std::map<std::string, Value>;

/// Macros that call one another.
constexpr int deepest_calls = 16;
/// Tags and expressions inside of one another, those of the called macros among them: each takes some of the stack.
constexpr int deepest_run = schema::limits::template_run.value;

bool less(const Value& left, const Value& right) {
    return left.is_number() && right.is_number() ? left.number() < right.number() : left.text() < right.text();
}

Value arithmetic(BinaryOperator operation, const Value& left, const Value& right, int line) {
    if (operation == BinaryOperator::power) return std::pow(left.number(), right.number());
    if (operation != BinaryOperator::modulo && (left.is_float() || right.is_float())) {
        const auto a = left.number();
        const auto b = right.number();
        if (operation == BinaryOperator::add) return a + b;
        if (operation == BinaryOperator::subtract) return a - b;
        return operation == BinaryOperator::multiply ? a * b : a / b;
    }
    // Numbers wrap around, as LXD's do.
    const auto a = static_cast<uint64_t>(left.integer());
    const auto b = static_cast<uint64_t>(right.integer());
    if (operation == BinaryOperator::add) return static_cast<int64_t>(a + b);
    if (operation == BinaryOperator::subtract) return static_cast<int64_t>(a - b);
    if (operation == BinaryOperator::multiply) return static_cast<int64_t>(a * b);
    if (b == 0) template_error(line, "Division by zero");
    if (right.integer() == -1) return operation == BinaryOperator::divide ? static_cast<int64_t>(0 - a) : int64_t{0};
    return operation == BinaryOperator::divide ? left.integer() / right.integer() : left.integer() % right.integer();
}

Value binary(BinaryOperator operation, const Value& left, const Value& right, int line) {
    const bool floats = left.is_float() || right.is_float();
    const auto is_less = [&](const Value& a, const Value& b) {
        return floats ? a.number() < b.number() : a.integer() < b.integer();
    };
    switch (operation) {
    case BinaryOperator::equal:
        return left.equals(right);
    case BinaryOperator::not_equal:
        return !left.equals(right);
    case BinaryOperator::less:
        return is_less(left, right);
    case BinaryOperator::less_or_equal:
        return !is_less(right, left);
    case BinaryOperator::greater:
        return is_less(right, left);
    case BinaryOperator::greater_or_equal:
        return !is_less(left, right);
    case BinaryOperator::in:
        return right.contains(left);
    default:
        return arithmetic(operation, left, right, line);
    }
}

class Renderer {
public:
    Renderer(const Scope& variables, const Limits& limits) : limits_(limits), scopes_{variables} {}

    std::string run(const Nodes& nodes) {
        print_all(nodes);
        return std::move(out_);
    }

private:
    /// Counted while it lives.
    class Level {
    public:
        Level(Renderer& renderer, int line) : renderer_(renderer) {
            renderer.count_step(line);
            if (renderer.depth_ >= deepest_run) template_error(line, fmt::format("Nested deeper than {}", deepest_run));
            ++renderer.depth_;
        }
        Level(const Level&) = delete;
        Level& operator=(const Level&) = delete;
        ~Level() { --renderer_.depth_; }

    private:
        Renderer& renderer_;
    };

    void count_step(int line) {
        if (++steps_ > limits_.steps)
            template_error(line, fmt::format("The template takes more than {} steps", limits_.steps));
    }

    void weigh(size_t bytes, int line) {
        handled_ += bytes;
        if (handled_ > limits_.handled)
            template_error(line, fmt::format("The template handles more than {} bytes", limits_.handled));
    }

    /// Long texts and lists cost more than a step.
    Value weighed(Value value, int line) {
        if (value.bytes() > longest_text)
            template_error(line, fmt::format("A text is longer than {} bytes", longest_text));
        weigh(value.bytes(), line);
        if (const auto* members = value.list()) weigh(members->size() * sizeof(Value), line);
        return value;
    }

    void print(std::string_view text, int line) {
        if (out_.size() + text.size() > limits_.output)
            template_error(line, fmt::format("The template prints more than {} bytes", limits_.output));
        out_ += text;
    }

    void print_all(const Nodes& nodes) {
        for (const auto& node : nodes) {
            const Level level(*this, node->line);
            std::visit([&](const auto& what) { print_node(what, *node); }, node->what);
        }
    }

    /// What the nodes print, instead of printing it.
    std::string printed(const Nodes& nodes) {
        const auto before = out_.size();
        print_all(nodes);
        auto text = out_.substr(before);
        out_.resize(before);
        return weighed(std::move(text), 0).text();
    }

    template <class Work> void in_scope(Scope scope, const Work& work) {
        scopes_.push_back(std::move(scope));
        work();
        scopes_.pop_back();
    }

    // --- expressions

    Value look_up(const std::string& name) const {
        for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope)
            if (const auto found = scope->find(name); found != scope->end()) return found->second;
        return {};
    }

    Value step_into(const Value& from, const Step& step, int line) {
        if (step.kind == Step::Kind::call) {
            const auto* function = from.function();
            if (function == nullptr) template_error(line, "A value that is no function is called");
            return (*function)(values(step.arguments));
        }
        if (from.is_nothing()) return {};
        if (step.kind == Step::Kind::index) {
            const auto* members = from.list();
            if (members == nullptr) template_error(line, fmt::format("Can't access an index ({})", step.index));
            return step.index < members->size() ? (*members)[step.index] : Value();
        }
        const auto* members = from.map();
        if (members == nullptr) template_error(line, fmt::format("Can't access a field by name ({})", step.name));
        const auto found = members->find(step.name);
        return found == members->end() ? Value() : found->second;
    }

    std::vector<Value> values(const std::vector<ExpressionPtr>& expressions) {
        std::vector<Value> result;
        result.reserve(expressions.size());
        for (const auto& expression : expressions) result.push_back(value(*expression));
        return result;
    }

    Value value_of(const Literal& literal, int) { return literal.value; }
    Value value_of(const Variable& variable, int line) {
        auto result = look_up(variable.steps.front().name);
        for (size_t index = 1; index < variable.steps.size(); ++index)
            result = step_into(result, variable.steps[index], line);
        return result;
    }
    Value value_of(const Unary& unary, int) {
        const auto operand = value(*unary.operand);
        if (unary.operation == Unary::Operator::logical_not) return !operand.is_true();
        if (operand.is_float()) return -operand.number();
        return static_cast<int64_t>(0 - static_cast<uint64_t>(operand.integer()));
    }
    Value value_of(const Binary& expression, int line) {
        const auto left = value(*expression.left);
        if (expression.operation == BinaryOperator::logical_and)
            return left.is_true() && value(*expression.right).is_true();
        if (expression.operation == BinaryOperator::logical_or)
            return left.is_true() || value(*expression.right).is_true();
        return binary(expression.operation, left, value(*expression.right), line);
    }

    Value value(const Expression& expression) {
        const Level level(*this, expression.line);
        auto result = std::visit([&](const auto& what) { return value_of(what, expression.line); }, expression.what);
        return filtered(weighed(std::move(result), expression.line), expression.filters);
    }

    Value filtered(Value input, const std::vector<FilterCall>& filters) {
        for (const auto& call : filters) {
            count_step(call.line);
            try {
                const auto parameter = call.parameter ? value(*call.parameter) : Value();
                input = weighed(call.filter->apply(input, parameter), call.line);
            } catch (const schema::Error& error) {
                if (std::string_view(error.what()).starts_with("Line ")) throw;
                template_error(call.line, fmt::format("Filter '{}': {}", call.filter->name, error.what()));
            }
        }
        return input;
    }

    // --- nodes

    void print_value(const Value& what, int line) {
        if (escaping_ && what.is_string() && !what.safe())
            print(html_escaped(what.text()), line);
        else
            print(what.text(), line);
    }

    void print_node(const Text& text, const Node& node) { print(text.text, node.line); }
    void print_node(const Output& output, const Node& node) { print_value(value(*output.value), node.line); }

    void print_node(const If& choice, const Node&) {
        for (const auto& [condition, body] : choice.branches)
            if (value(*condition).is_true()) return print_all(body);
        print_all(choice.otherwise);
    }

    using Items = std::vector<std::pair<Value, Value>>;

    static Items items_of(const Value& over, int line) {
        Items items;
        if (over.size() > most_parts) template_error(line, fmt::format("A loop has more than {} turns", most_parts));
        if (const auto* map = over.map())
            for (const auto& [key, member] : *map) items.emplace_back(key, member);
        if (const auto* list = over.list())
            for (const auto& member : *list) items.emplace_back(member, Value());
        const auto text = over.is_string() ? over.text() : std::string();
        for (const auto character : characters(text)) items.emplace_back(std::string(character), Value());
        return items;
    }

    void print_node(const For& loop, const Node& node) {
        auto items = items_of(value(*loop.over), node.line);
        if (items.empty()) return print_all(loop.empty);
        for (const auto& [key, member] : items) weigh(sizeof(items[0]) + key.bytes() + member.bytes(), node.line);
        if (loop.sorted)
            std::ranges::stable_sort(items, [](const auto& a, const auto& b) { return less(a.first, b.first); });
        if (loop.reversed) std::ranges::reverse(items);
        const auto parent = look_up("forloop");
        in_scope({}, [&] {
            for (size_t index = 0; index < items.size(); ++index) {
                count_step(node.line);
                auto& scope = scopes_.back();
                scope[loop.key] = items[index].first;
                if (!loop.value.empty()) scope[loop.value] = items[index].second;
                scope["forloop"] = position(index, items.size(), parent);
                print_all(loop.body);
            }
        });
    }

    static Value position(size_t index, size_t size, const Value& parent) {
        return Value::Map{{"Counter", static_cast<int64_t>(index + 1)},
                          {"Counter0", static_cast<int64_t>(index)},
                          {"Revcounter", static_cast<int64_t>(size - index)},
                          {"Revcounter0", static_cast<int64_t>(size - index - 1)},
                          {"First", index == 0},
                          {"Last", index + 1 == size},
                          {"Parentloop", parent}};
    }

    void print_node(const Set& set, const Node&) {
        auto result = value(*set.assignment.second);
        scopes_.back()[set.assignment.first] = std::move(result);
    }

    void print_node(const With& with, const Node&) {
        Scope scope;
        for (const auto& [name, expression] : with.assignments) scope[name] = value(*expression);
        in_scope(std::move(scope), [&] { print_all(with.body); });
    }

    void print_node(const Filtered& part, const Node& node) {
        print(filtered(printed(part.body), part.filters).text(), node.line);
    }

    void print_node(const FirstOf& choice, const Node& node) {
        for (const auto& candidate : choice.candidates)
            if (const auto result = value(*candidate); result.is_true()) return print_value(result, node.line);
    }

    void print_node(const Cycle& cycle, const Node& node) {
        const auto index = cycles_[&cycle]++ % cycle.values.size();
        const auto result = value(*cycle.values[index]);
        if (!cycle.name.empty()) scopes_.back()[cycle.name] = result;
        if (!cycle.silent) print_value(result, node.line);
    }

    void print_node(const IfChanged& part, const Node& node) {
        std::string text;
        std::string watched;
        if (part.watched.empty())
            watched = text = printed(part.body);
        else
            for (const auto& one : values(part.watched))
                watched += fmt::format("{}:{} ", one.text().size(), one.text());
        const auto last = seen_.find(&part);
        const bool changed = last == seen_.end() || last->second != watched;
        seen_[&part] = watched;
        if (!changed) return print_all(part.otherwise);
        if (part.watched.empty()) return print(text, node.line);
        print_all(part.body);
    }

    void print_node(const WidthRatio& ratio, const Node& node) {
        const auto largest = value(*ratio.largest).number();
        const auto share = largest == 0 ? 0 : value(*ratio.current).number() / largest;
        const auto exact = share * value(*ratio.width).number();
        const auto result =
            std::isnan(exact)
                ? int64_t{0}
                : static_cast<int64_t>(std::clamp(std::ceil(exact + 0.5), -1e15, 1e15)); // pongo2 rounds so
        if (ratio.name.empty())
            print(std::to_string(result), node.line);
        else
            scopes_.back()[ratio.name] = result;
    }

    void print_node(const Autoescape& part, const Node&) {
        const auto before = escaping_;
        escaping_ = part.on;
        print_all(part.body);
        escaping_ = before;
    }

    void print_node(const Spaceless& part, const Node& node) {
        const auto text = printed(part.body);
        std::string squeezed;
        for (size_t at = 0; at < text.size();) {
            squeezed += text[at];
            const auto next = text[at] == '>' ? text.find_first_not_of(" \t\n\v\f\r", at + 1) : std::string::npos;
            at = next != std::string::npos && text[next] == '<' ? next : at + 1;
        }
        print(squeezed, node.line);
    }

    void print_node(const Block& block, const Node&) { print_all(block.body); }

    void print_node(const Macro& macro, const Node& node) {
        scopes_.back()[macro.name] = Value::Function([this, &macro, line = node.line](const Value::List& arguments) {
            if (arguments.size() > macro.parameters.size())
                template_error(line, fmt::format("Macro '{}' called with too many arguments", macro.name));
            if (++calls_ > deepest_calls) template_error(line, "Macros call one another too deeply");
            Scope scope;
            for (size_t index = 0; index < macro.parameters.size(); ++index) {
                const auto& [name, standard] = macro.parameters[index];
                scope[name] = index < arguments.size() ? arguments[index] : standard ? value(*standard) : Value();
            }
            Value result;
            in_scope(std::move(scope), [&] { result = Value(printed(macro.body)).as_safe(); });
            --calls_;
            return result;
        });
    }

    const Limits limits_;
    std::vector<Scope> scopes_;
    std::string out_;
    size_t steps_ = 0;
    size_t handled_ = 0;
    int calls_ = 0;
    int depth_ = 0;
    bool escaping_ = false;
    std::map<const Cycle*, size_t> cycles_;
    std::map<const IfChanged*, std::string> seen_;
};

} // namespace

std::string render(std::string_view source, const std::map<std::string, Value>& variables, const Limits& limits) {
    if (source.size() > limits.source)
        throw schema::failure("Line 1: The template is larger than {} bytes", limits.source);
    const auto nodes = parse(source);
    return Renderer(variables, limits).run(nodes);
}

} // namespace images::templates
