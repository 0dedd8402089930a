#include "client/editor.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "client/instances.h"
#include "client/terminal.h"
#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/base/process.h"
#include "schema/error.h"

namespace client {

namespace {

std::string editor_command() {
    for (const char* variable : {"VISUAL", "EDITOR"}) {
        if (const char* editor = std::getenv(variable); editor != nullptr && *editor != '\0') return editor;
    }
    for (const char* program : {"editor", "vi", "emacs", "nano"}) {
        if (!base::find_program(program).empty()) return program;
    }
    throw schema::failure("No text editor found, please set the EDITOR environment variable");
}

/// A file with the text to edit, removed in the end.
class TemporaryFile {
public:
    explicit TemporaryFile(std::string_view content) {
        const char* folder = std::getenv("TMPDIR");
        path_ = fmt::format("{}/lxd_editor_XXXXXX.yaml", folder == nullptr ? "/tmp" : folder);
        constexpr int suffix = 5;
        const auto file = base::checked(::mkostemps(path_.data(), suffix, O_CLOEXEC), "create " + path_);
        base::write_all(file.get(), content);
    }
    ~TemporaryFile() { ::unlink(path_.c_str()); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    const std::string& path() const { return path_; }

private:
    std::string path_;
};

std::string edited(std::string_view content) {
    const TemporaryFile file(content);
    run_editor(file.path());
    return base::read_file(file.path());
}

} // namespace

std::vector<std::string> command_words(const std::string& line) {
    std::vector<std::string> words;
    char quote = 0;
    bool in_word = false;
    for (size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
            in_word = false;
            continue;
        }
        if (!in_word) words.emplace_back();
        in_word = true;
        if (c == '\\' && quote != '\'' && i + 1 < line.size()) {
            words.back() += line[++i];
        } else if (quote == 0 && (c == '\'' || c == '"')) {
            quote = c;
        } else if (c == quote) {
            quote = 0;
        } else {
            words.back() += c;
        }
    }
    return words;
}

void run_editor(const std::string& path) {
    auto words = command_words(editor_command());
    words.push_back(path);
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t pid = -1;
    // In our own process group, so that it may use the terminal.
    if (const int error = ::posix_spawnp(&pid, arguments[0], nullptr, nullptr, arguments.data(), environ); error != 0) {
        throw std::system_error(error, std::generic_category(), "Failed starting the editor " + words[0]);
    }
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "waitpid");
    }
    if (!WIFEXITED(status)) throw schema::failure("signal: {}", WTERMSIG(status));
    if (WEXITSTATUS(status) != 0) throw schema::failure("exit status {}", WEXITSTATUS(status));
}

void edit(const EditedText& text) {
    if (!is_terminal(STDIN_FILENO)) return text.store(read_standard_input());
    auto content = text.heading.empty() ? text.current() : text.heading + "\n\n" + text.current();
    for (;;) {
        content = edited(content);
        try {
            return text.store(content);
        } catch (const std::exception& error) {
            fmt::print(stderr, "{}: {}\n", text.complaint, error.what());
            fmt::print("Press enter to open the editor again or ctrl+c to abort change\n");
            std::fflush(stdout);
            char key = 0;
            if (::read(STDIN_FILENO, &key, 1) <= 0) throw;
        }
    }
}

} // namespace client
