#include "daemon/storage/compression.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/base/process.h"
#include "daemon/storage/gzip.h"
#include "schema/compression.h"
#include "schema/error.h"
#include "schema/values.h"

namespace storage {

namespace {

unsigned processors() {
    return std::clamp(std::thread::hardware_concurrency(), 1U, 16U);
}

/// The level where gzip can run inside the daemon; 0 where an option wants the program.
int gzip_level(const schema::Compression& compression) {
    int level = compression.name == "gzip" ? 6 : 0;
    for (const auto& option : compression.options) {
        if (option == "--fast" || option == "--best") {
            level = option == "--fast" ? 1 : 9;
        } else if (option.size() == 2 && option[1] >= '1' && option[1] <= '9') {
            level = option[1] - '0';
        } else {
            return 0;
        }
    }
    return compression.name == "gzip" ? level : 0;
}

base::Command command_of(const schema::Compression& compression, int output) {
    base::Command command;
    if (compression.name == "squashfs") {
        // It writes to a file by name: ours, by its descriptor.
        command.argv = {"mksquashfs",   "-",      "/proc/self/fd/3", "-tar", "-comp",      "xz",  "-noappend",
                        "-no-progress", "-quiet", "-mkfs-time",      "0",    "-root-mode", "0755"};
        command.fds = {{output, 3}};
        return command;
    }
    const auto& options = compression.options;
    command.argv = {compression.name, "-c"};
    const bool takes_threads = compression.name == "xz" || compression.name == "zstd";
    if (takes_threads && std::none_of(options.begin(), options.end(), schema::is_thread_option))
        command.argv.emplace_back("-T0");
    command.argv.insert(command.argv.end(), options.begin(), options.end());
    // Without a time, so that the same archive gives the same bytes.
    if (compression.name == "gzip" || compression.name == "pigz") command.argv.emplace_back("-n");
    command.fds = {{output, 1}};
    return command;
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

void compress(const std::string& algorithm, int output, const base::CancelToken& cancel,
              const std::function<void(const ByteSink& sink)>& produce) {
    const auto compression = schema::compression_from(algorithm);
    if (compression.name == "none") return write_plain(output, produce);
    if (const auto level = gzip_level(compression); level > 0) return write_gzip(output, level, produce);
    auto command = command_of(compression, output);
    if (base::find_program(command.argv.front()).empty())
        throw schema::failure("exec: {}: executable file not found in $PATH", schema::quoted(command.argv.front()));
    write_through(std::move(command), cancel, produce);
}

bool keeps_holes(const std::string& algorithm) {
    return schema::compression_from(algorithm).name != "squashfs";
}

} // namespace storage
