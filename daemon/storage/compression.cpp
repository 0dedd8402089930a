#include "daemon/storage/compression.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <sstream>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/base/process.h"
#include "daemon/storage/gzip.h"
#include "schema/error.h"

namespace storage {

namespace {

struct Program {
    std::string_view name;
    std::string_view program;   // what runs
    std::string_view threads{}; // the option for all processors; empty: it has none
};

constexpr std::array programs{
    Program{"bzip2", "bzip2"},         Program{"gzip", "gzip"},        Program{"lzma", "lzma"},
    Program{"pigz", "pigz"},           Program{"pzstd", "pzstd"},      Program{"xz", "xz", "-T0"},
    Program{"squashfs", "mksquashfs"}, Program{"zstd", "zstd", "-T0"},
};

std::vector<std::string> fields_of(const std::string& algorithm) {
    std::istringstream stream(algorithm);
    std::vector<std::string> fields;
    for (std::string field; stream >> field;) fields.push_back(field);
    return fields;
}

bool is_number(std::string_view text) {
    return !text.empty() && text.size() <= 2 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_thread_option(std::string_view option) {
    return option.starts_with("-T") && is_number(option.substr(2));
}

/// Strength and threads: other options could name files.
bool is_option(std::string_view option) {
    constexpr std::array words{"--fast", "--best", "--extreme", "-e", "--ultra"};
    if (std::find(words.begin(), words.end(), option) != words.end() || is_thread_option(option)) return true;
    return option.starts_with('-') && is_number(option.substr(1));
}

const Program& program_of(const std::string& name) {
    const auto* found =
        std::find_if(programs.begin(), programs.end(), [&](const auto& row) { return row.name == name; });
    if (found == programs.end())
        throw schema::bad_request("exec: {:?}: executable file not found among the known compressors", name);
    return *found;
}

unsigned processors() {
    return std::clamp(std::thread::hardware_concurrency(), 1U, 16U);
}

/// The level where gzip can run inside the daemon; 0 where an option wants the program.
int gzip_level(const std::vector<std::string>& fields) {
    int level = 6;
    for (auto option = fields.begin() + 1; option != fields.end(); ++option) {
        if (*option == "--fast" || *option == "--best") {
            level = *option == "--fast" ? 1 : 9;
        } else if (option->size() == 2 && is_number(std::string_view(*option).substr(1)) && (*option)[1] != '0') {
            level = (*option)[1] - '0';
        } else {
            return 0;
        }
    }
    return level;
}

void write_plain(int output, const std::function<void(const ByteSink&)>& produce) {
    // Headers are small: together with what follows they are one write.
    constexpr size_t chunk = 256U << 10U;
    std::string waiting;
    const auto flush = [&] {
        base::write_all(output, waiting);
        waiting.clear();
    };
    produce([&](std::string_view bytes) {
        if (waiting.size() + bytes.size() > chunk) flush();
        if (bytes.size() >= chunk)
            base::write_all(output, bytes);
        else
            waiting += bytes;
    });
    flush();
}

void write_gzip(int output, int level, const std::function<void(const ByteSink&)>& produce) {
    ParallelGzip gzip(output, level, processors());
    produce([&](std::string_view bytes) { gzip.write(bytes); });
    gzip.finish();
}

/// Feeds a program; its complaint is what is told when it ends early.
void write_through(base::Command command, const base::CancelToken& cancel,
                   const std::function<void(const ByteSink&)>& produce) {
    auto feed = base::make_pipe();
    auto complaints = base::make_pipe();
    command.fds.emplace_back(feed.read_end.get(), 0);
    command.fds.emplace_back(complaints.write_end.get(), 2);
    const auto process = std::make_shared<base::Process>(base::Process::spawn(command));
    feed.read_end.reset();
    complaints.write_end.reset();
    const auto registration = cancel.on_cancel([process] { process->kill_group(SIGKILL); });
    std::string said;
    std::thread listener([&] {
        std::array<char, 4096> buffer{};
        ssize_t count = 0;
        while ((count = ::read(complaints.read_end.get(), buffer.data(), buffer.size())) > 0 ||
               (count < 0 && errno == EINTR))
            if (count > 0 && said.size() < buffer.size()) said.append(buffer.data(), static_cast<size_t>(count));
    });
    std::exception_ptr failure;
    bool ended_early = false;
    try {
        write_plain(feed.write_end.get(), produce);
    } catch (const std::system_error& error) {
        ended_early = error.code().value() == EPIPE;
        failure = std::current_exception();
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure && !ended_early) process->kill_group(SIGKILL);
    feed.write_end.reset();
    const auto exit = process->wait();
    listener.join();
    cancel.check();
    if (failure && !ended_early) std::rethrow_exception(failure);
    if (!exit.ok() || ended_early) throw schema::failure("{} failed: {}", command.argv.front(), base::trimmed(said));
}

} // namespace

void check_compression(const std::string& algorithm) {
    if (algorithm.empty() || algorithm == "none") return;
    const auto fields = fields_of(algorithm);
    if (fields.empty()) throw schema::bad_request("Invalid compression algorithm {:?}", algorithm);
    const auto& program = program_of(fields.front());
    for (auto option = fields.begin() + 1; option != fields.end(); ++option)
        if (program.name == "squashfs" || !is_option(*option))
            throw schema::bad_request("The compression algorithm {:?} cannot take the option {:?}", fields.front(),
                                      *option);
    if (program.name == "gzip" && gzip_level(fields) > 0) return;
    if (base::find_program(program.program).empty())
        throw schema::bad_request("exec: {:?}: executable file not found in $PATH", program.program);
}

void compress(const std::string& algorithm, int output, const base::CancelToken& cancel,
              const std::function<void(const ByteSink& sink)>& produce) {
    check_compression(algorithm);
    if (algorithm.empty() || algorithm == "none") return write_plain(output, produce);
    const auto fields = fields_of(algorithm);
    const auto& program = program_of(fields.front());
    if (program.name == "gzip" && gzip_level(fields) > 0) return write_gzip(output, gzip_level(fields), produce);

    base::Command command;
    if (program.name == "squashfs") {
        // It writes to a file by name: ours, by its descriptor.
        command.argv = {"mksquashfs",   "-",      "/proc/self/fd/3", "-tar", "-comp",      "xz",  "-noappend",
                        "-no-progress", "-quiet", "-mkfs-time",      "0",    "-root-mode", "0755"};
        command.fds.emplace_back(output, 3);
    } else {
        command.argv = {std::string(program.program), "-c"};
        const bool chosen = std::any_of(fields.begin(), fields.end(), is_thread_option);
        if (!program.threads.empty() && !chosen) command.argv.emplace_back(program.threads);
        command.argv.insert(command.argv.end(), fields.begin() + 1, fields.end());
        if (program.name == "gzip" || program.name == "pigz") command.argv.emplace_back("-n");
        command.fds.emplace_back(output, 1);
    }
    write_through(std::move(command), cancel, produce);
}

} // namespace storage
