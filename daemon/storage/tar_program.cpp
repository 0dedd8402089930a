#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

#include <unistd.h>

#include "daemon/base/own_program.h"
#include "daemon/base/process.h"
#include "daemon/storage/tar_archives.h"
#include "daemon/storage/tar_words.h"
#include "schema/error.h"
#include "schema/limits.h"
#include "schema/values.h"

namespace storage {

namespace {

namespace words = tar_words;

/// How a run of lxd-tar ended, in its own words.
struct Ending {
    std::string word; // empty: it said nothing
    int number = 0;
    std::string text;
};

/// Takes the output to its end.
class Listener {
public:
    explicit Listener(const std::function<void(int percent)>& progress) : progress_(progress) {}

    void hear(std::string_view data) {
        text_ += data;
        while (ending_.word.empty()) {
            const auto end = text_.find('\n');
            if (end == text_.npos) break;
            take(std::string_view(text_).substr(0, end));
            text_.erase(0, end + 1);
        }
        if (text_.size() > limit) throw schema::failure("lxd-tar said more than it can have to say");
    }
    Ending end() && {
        ending_.text = std::move(text_);
        return std::move(ending_);
    }

private:
    static constexpr size_t limit = schema::limits::backup_index.value + 65536;

    void take(std::string_view line) {
        const auto space = std::min(line.find(' '), line.size());
        const auto word = line.substr(0, space);
        const auto number = schema::parse_integer(line.substr(std::min(space + 1, line.size()))).value_or(0);
        if (word != words::percent)
            ending_ = {std::string(word), static_cast<int>(number), {}};
        else if (progress_)
            progress_(static_cast<int>(number));
    }

    const std::function<void(int percent)>& progress_;
    Ending ending_;
    std::string text_; // an unfinished line, or what follows the last one
};

Ending run(std::vector<std::string> arguments, const base::CancelToken& cancel,
           const std::function<void(int percent)>& progress, std::vector<std::pair<int, int>> fds = {}) {
    cancel.check();
    arguments.insert(arguments.begin(), base::own_program("lxd-tar", "storage", "LXD_TAR"));
    auto out = base::make_pipe();
    fds.emplace_back(out.write_end.get(), 1);
    // Shared with the callback, which may still run on the canceller's thread when this function has returned.
    const auto process =
        std::make_shared<base::Process>(base::Process::spawn({.argv = std::move(arguments), .fds = std::move(fds)}));
    out.write_end.reset();
    const auto registration = cancel.on_cancel([process] { process->kill_group(SIGKILL); });
    Listener listener(progress);
    std::array<char, 65536> buffer{};
    for (;;) {
        const auto count = ::read(out.read_end.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw std::system_error(errno, std::generic_category(), "Failed listening to lxd-tar");
        if (count == 0) break;
        listener.hear({buffer.data(), static_cast<size_t>(count)});
    }
    const auto exit = process->wait();
    cancel.check();
    auto ending = std::move(listener).end();
    if (ending.word == words::failed) throw schema::Error(schema::error_kind(ending.number), ending.text);
    if (!exit.ok() || ending.word.empty())
        throw schema::failure("Failed reading an archive: lxd-tar ended with {}", exit.code);
    return ending;
}

} // namespace

ArchiveContents inspect_tar(const std::string& file, const base::CancelToken& cancel) {
    auto ending = run({"inspect", file}, cancel, {});
    ArchiveContents contents;
    contents.has_root = ending.number != 0;
    if (ending.word == words::contents) contents.metadata = std::move(ending.text);
    return contents;
}

void unpack_tar(const std::string& file, const std::string& folder, const base::CancelToken& cancel,
                const std::function<void(int percent)>& progress) {
    run({"unpack", file, folder}, cancel, progress);
}

std::optional<std::string> tar_member(const std::string& file, const std::string& name,
                                      const base::CancelToken& cancel) {
    auto ending = run({"member", file, name}, cancel, {});
    if (ending.number == 0) return {};
    return std::move(ending.text);
}

void tar_content(const std::string& file, const std::string& name, int to, const base::CancelToken& cancel) {
    run({"content", file, name}, cancel, {}, {{to, words::content_to}});
}

void tar_blocks(const std::string& file, const std::string& name, int to, const base::CancelToken& cancel) {
    run({"blocks", file, name}, cancel, {}, {{to, words::content_to}});
}

void unpack_tar_part(const std::string& file, const TarPart& part, const std::string& folder,
                     const base::CancelToken& cancel, const std::function<void(int percent)>& progress) {
    std::vector<std::string> arguments{"part", file, folder, part.alike, part.prefix};
    arguments.insert(arguments.end(), part.names.begin(), part.names.end());
    run(std::move(arguments), cancel, progress);
}

} // namespace storage
