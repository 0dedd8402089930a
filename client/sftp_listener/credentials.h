#pragma once
// Who may use the listener: a user name and a password made for this run. Callers: main, SshSession.

#include <string>
#include <string_view>

namespace client {

/// Letters and digits, each as likely as any other, fit for a password.
std::string random_word(size_t length);

struct Credentials {
    std::string user;
    std::string password;

    /// Takes as long whatever is wrong and wherever it is.
    bool match(std::string_view given_user, std::string_view given_password) const;
};

} // namespace client
