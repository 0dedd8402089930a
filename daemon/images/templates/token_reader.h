#pragma once
// A place in a template's tokens, and the nesting that parsing has reached there. Shared by the parsers of expressions
// and of tags.

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/images/templates/lexer.h"

namespace images::templates {

class TokenReader {
public:
    explicit TokenReader(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

    bool at_end() const { return at_ >= tokens_.size(); }
    const Token& peek(size_t ahead = 0) const {
        static const Token none{Token::Kind::text, {}, 0};
        return at_ + ahead < tokens_.size() ? tokens_[at_ + ahead] : none;
    }
    Token next() { return at_end() ? Token{} : tokens_[at_++]; }
    int line() const { return at_end() ? (tokens_.empty() ? 1 : tokens_.back().line) : peek().line; }

    bool is(Token::Kind kind) const { return !at_end() && peek().kind == kind; }
    bool is(Token::Kind kind, std::string_view value) const { return is(kind) && peek().value == value; }
    /// Goes past the token if it is this one.
    bool skip(Token::Kind kind, std::string_view value) {
        if (!is(kind, value)) return false;
        ++at_;
        return true;
    }
    bool skip_symbol(std::string_view value) { return skip(Token::Kind::symbol, value); }
    bool skip_name(std::string_view value) { return skip(Token::Kind::name, value); }
    /// Throws schema::failure where something else stands.
    Token expect(Token::Kind kind, std::string_view what) {
        if (!is(kind)) fail(what);
        return next();
    }
    void expect_symbol(std::string_view value) {
        if (!skip_symbol(value)) fail(value);
    }

    /// Counted while it lives.
    class Level {
    public:
        explicit Level(TokenReader& reader);
        Level(const Level&) = delete;
        Level& operator=(const Level&) = delete;
        ~Level() { --reader_.depth_; }

    private:
        TokenReader& reader_;
    };

private:
    [[noreturn]] void fail(std::string_view wanted) const;

    std::vector<Token> tokens_;
    size_t at_ = 0;
    int depth_ = 0;
};

} // namespace images::templates
