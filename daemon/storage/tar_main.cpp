// lxd-tar: reads one tar archive for the daemon (see tar_archives.h and tar_words.h), and ends with it.
//
// Usage: lxd-tar inspect FILE | lxd-tar unpack FILE FOLDER | lxd-tar member FILE NAME | lxd-tar content FILE NAME |
//        lxd-tar blocks FILE NAME | lxd-tar part FILE FOLDER ALIKE PREFIX [NAME...]

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "daemon/storage/tar_archives.h"
#include "daemon/storage/tar_words.h"
#include "schema/error.h"

namespace {

namespace words = storage::tar_words;

void tell(std::string_view word, int number, std::string_view text = {}) {
    fmt::print("{} {}\n{}", word, number, text);
    std::fflush(stdout);
}

int usage() {
    fmt::print(stderr, "Usage: lxd-tar inspect FILE | lxd-tar unpack FILE FOLDER | lxd-tar member FILE NAME | "
                       "lxd-tar content FILE NAME | lxd-tar blocks FILE NAME | "
                       "lxd-tar part FILE FOLDER ALIKE PREFIX [NAME...]\n");
    return 2;
}

void inspect(const std::string& file) {
    const auto contents = storage::inspect_tar(file, {});
    if (contents.metadata)
        tell(words::contents, contents.has_root, *contents.metadata);
    else
        tell(words::contents_without_metadata, contents.has_root);
}

void unpack(const std::string& file, const std::string& folder) {
    storage::unpack_tar(file, folder, {}, [](int percent) { tell(words::percent, percent); });
    tell(words::unpacked, 0);
}

void member(const std::string& file, const std::string& name) {
    const auto text = storage::tar_member(file, name, {});
    tell(words::member, text.has_value(), text.value_or(""));
}

void content(const std::string& file, const std::string& name) {
    storage::tar_content(file, name, words::content_to, {});
    tell(words::content, 0);
}

void blocks(const std::string& file, const std::string& name) {
    storage::tar_blocks(file, name, words::content_to, {});
    tell(words::content, 0);
}

void part(const std::vector<std::string>& arguments) {
    const storage::TarPart wanted{arguments[4], {arguments.begin() + 5, arguments.end()}, arguments[3]};
    storage::unpack_tar_part(arguments[1], wanted, arguments[2], {},
                             [](int percent) { tell(words::percent, percent); });
    tell(words::unpacked, 0);
}

} // namespace

int main(int argc, char** argv) {
    // Nobody is to write into a folder that the next daemon clears up.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::umask(0); // files are made with the modes that they are to have
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    try {
        if (arguments.size() == 2 && arguments[0] == "inspect")
            inspect(arguments[1]);
        else if (arguments.size() == 3 && arguments[0] == "unpack")
            unpack(arguments[1], arguments[2]);
        else if (arguments.size() == 3 && arguments[0] == "member")
            member(arguments[1], arguments[2]);
        else if (arguments.size() == 3 && arguments[0] == "content")
            content(arguments[1], arguments[2]);
        else if (arguments.size() == 3 && arguments[0] == "blocks")
            blocks(arguments[1], arguments[2]);
        else if (arguments.size() >= 5 && arguments[0] == "part")
            part(arguments);
        else
            return usage();
    } catch (const schema::Error& error) {
        tell(words::failed, schema::http_status(error.kind()), error.what());
    } catch (const std::exception& error) {
        tell(words::failed, schema::http_status(schema::ErrorKind::internal), error.what());
    }
    return 0;
}
