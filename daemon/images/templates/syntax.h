#pragma once
// A parsed template: plain values, made by the parser and walked by the renderer.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/images/templates/filters.h"
#include "daemon/images/templates/value.h"

namespace images::templates {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct FilterCall {
    const Filter* filter = nullptr;
    ExpressionPtr parameter; // may be missing
    int line = 0;
};

struct Literal {
    Value value;
};

/// `name`, `.member`, `.0` or a call.
struct Step {
    enum class Kind { name, index, call };
    Kind kind = Kind::name;
    std::string name;
    size_t index = 0;
    std::vector<ExpressionPtr> arguments;
};

struct Variable {
    std::vector<Step> steps; // the first is a name
};

struct Unary {
    enum class Operator { logical_not, minus };
    Operator operation;
    ExpressionPtr operand;
};

enum class BinaryOperator {
    logical_and,
    logical_or,
    equal,
    not_equal,
    less,
    less_or_equal,
    greater,
    greater_or_equal,
    in,
    add,
    subtract,
    multiply,
    divide,
    modulo,
    power,
};

struct Binary {
    BinaryOperator operation;
    ExpressionPtr left;
    ExpressionPtr right;
};

struct Expression {
    std::variant<Literal, Variable, Unary, Binary> what;
    std::vector<FilterCall> filters; // applied in order
    int line = 0;
    int height = 1; // with what is below it
};

struct Node;
using Nodes = std::vector<std::unique_ptr<Node>>;
using Assignment = std::pair<std::string, ExpressionPtr>;

struct Text {
    std::string text;
};
struct Output {
    ExpressionPtr value;
};
struct If {
    std::vector<std::pair<ExpressionPtr, Nodes>> branches;
    Nodes otherwise;
};
struct For {
    std::string key;
    std::string value; // empty: the key alone
    ExpressionPtr over;
    bool reversed = false;
    bool sorted = false;
    Nodes body;
    Nodes empty;
};
struct Set {
    Assignment assignment;
};
struct With {
    std::vector<Assignment> assignments;
    Nodes body;
};
struct Filtered {
    std::vector<FilterCall> filters;
    Nodes body;
};
struct FirstOf {
    std::vector<ExpressionPtr> candidates;
};
struct Cycle {
    std::vector<ExpressionPtr> values;
    std::string name; // of the variable that gets each; may be empty
    bool silent = false;
};
struct IfChanged {
    std::vector<ExpressionPtr> watched; // nothing: what the body prints
    Nodes body;
    Nodes otherwise;
};
struct WidthRatio {
    ExpressionPtr current, largest, width;
    std::string name; // of the variable that gets it; empty: printed
};
struct Autoescape {
    bool on = false;
    Nodes body;
};
struct Spaceless {
    Nodes body;
};
struct Block {
    Nodes body;
};
struct Macro {
    std::string name;
    std::vector<Assignment> parameters; // with their defaults, which may be missing
    Nodes body;
};

struct Node {
    std::variant<Text, Output, If, For, Set, With, Filtered, FirstOf, Cycle, IfChanged, WidthRatio, Autoescape,
                 Spaceless, Block, Macro>
        what;
    int line = 0;
};

} // namespace images::templates
